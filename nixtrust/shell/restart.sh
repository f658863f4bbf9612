# shellcheck shell=sh
# shellcheck disable=SC2034,SC2154  # with the files before it it is one script
# The daemon starts anew, with what it last answered with if need be. Follows place.sh.

daemon_answers() {
  if [ "$manager" = none ] && [ ! -S /nix/var/nix/daemon-socket/socket ]; then return 0; fi
  ask_daemon "$(id -un)" >/dev/null 2>&1
}

# A daemon that accepts and says nothing has used up its time with the first question.
comes_up() {
  patience=$(($(date +%s) + 15))
  for _ in 1 2 3 4 5 6 7 8; do
    if daemon_answers; then return 0; fi
    [ "$(date +%s)" -lt "$patience" ] || return 1
    sleep 1
  done
  return 1
}

# Whether the daemon has a process for somebody's connection: it forks one for each. The one of the
# question that was just asked may be about to end.
somebody_is_connected() {
  for _ in 1 2 3; do
    connected=''
    for pid in $(ps -A -o pid= -o ppid= -o uid= -o comm= 2>/dev/null | awk '
      $3 == 0 && $4 ~ /(^|\/)nix-daemon$/ { above[$1] = $2 }
      END { for (each in above) if (above[each] in above) print above[each] }'); do
      # macOS has no /proc.
      if [ "$manager" = launchd ] || { is_nix "$pid" && ! is_a_containers "$pid"; }; then connected=yes; fi
    done
    [ -n "$connected" ] || return 1
    sleep 1
  done
}

# builds_run GROUP: as its members, or with `auto-allocate-uids` as one of the 8388608 from 872415232
# on (NixOS/nix src/libstore/globals.hh, start-id and id-count). ps is not on every machine.
builds_run() {
  members=$(getent group "$1" 2>/dev/null || dscl . -read "/Groups/$1" GroupMembership 2>/dev/null)
  members=$(printf '%s\n' "${members##*:}" | tr , ' ')
  builders=$(for name in $members; do id -u "$name" 2>/dev/null; done)
  { ps -A -o uid= 2>/dev/null || stat -c '%u' /proc/[0-9]* 2>/dev/null; } | builders=$builders awk '
    BEGIN { n = split(ENVIRON["builders"], uids); for (i = 1; i <= n; i++) builds[uids[i] + 0] = 1 }
    $1 + 0 in builds || ($1 >= 872415232 && $1 < 880803840) { found = 1 }
    END { exit !found }'
}

# systemd refuses a fifth start within ten seconds; that is not the configuration's fault. A daemon
# that is told to end just before it waits for a connection hears it at the next one (seen with Nix
# 2.8 and 2.26), so somebody has to knock.
ask_for_restart() {
  case $manager in
    systemd)
      limit 5 systemctl reset-failed "$unit" 2>/dev/null
      limit 10 systemctl restart "$unit" 2>&1 && return
      daemon_answers
      limit 30 systemctl restart "$unit" 2>&1
      ;;
    launchd) limit 40 launchctl kickstart -k "system/$unit" 2>&1 ;;
  esac
}

where_to_look() {
  case $manager in
    systemd) echo "look there: \`journalctl -u $unit\`" ;;
    launchd) echo "look there: \`launchctl print system/$unit\`" ;;
    *) echo 'look at the daemon there' ;;
  esac
}

daemon_words() {
  if [ "$manager" = launchd ]; then
    tail -n 20 /var/log/nix-daemon.log 2>/dev/null | words | sed -n '$p'
    return
  fi
  [ "$manager" = systemd ] || return 0
  if limit 5 systemctl --quiet is-active "$unit"; then
    echo 'it runs and does not answer'
  else
    limit 10 journalctl -u "$unit" -n 20 -o cat 2>/dev/null | words | sed -n '$p' | sed 's/\.$//'
  fi
}

# A restart spares running builds where systemd ends the daemon's own process alone; launchd ends
# all of them.
restart_daemon() {
  case $manager in
    systemd) by_hand=", or \`systemctl restart $unit\`" ;;
    launchd) by_hand=", or \`launchctl kickstart -k system/$unit\`" ;;
    *) by_hand='' ;;
  esac
  if [ "$manager" != none ] && [ "$kill_mode" != process ]; then
    if builds_run "$1"; then
      conclude pending "builds are running, and a restart would end them; run again later$by_hand"
    elif somebody_is_connected; then
      conclude pending "somebody's nix is at work, and a restart would end it; run again later$by_hand"
    fi
  fi
  # Even where its socket was to start it: the question whether it answers did so already.
  restart_words=$(ask_for_restart)
  restart_status=$?
  if comes_up; then
    if [ "$restart_status" -ne 0 ]; then
      conclude pending "it runs, but could not be restarted; run again$by_hand"
    fi
    settle
    return
  fi
  said=$(daemon_words)
  : "${said:=$(printf '%s\n' "$restart_words" | words | sed -n 1p)}"
  said="${said:+ ($said)}" look=$(where_to_look)
  if [ -z "$alive" ]; then conclude dead "the daemon did not answer before, and does not now$said; $look"; fi
  old_is_good
  if ! has_good; then conclude dead "the daemon does not come up$said; $look"; fi
  roll_back
  look="${edited:+what was edited meanwhile is kept as $edited; }$look"
  ask_for_restart >/dev/null
  if comes_up; then
    settle
    conclude rolled-back "the daemon does not start with the new file$said, the old one is back; $look"
  fi
  settle
  conclude dead "the daemon does not start, with the old file neither$said; $look"
}

# No restart is due any more; the word of it goes last.
settle() {
  rm -f "$dir"/.nixtrust-old.* "$dir"/.nixtrust-good.* "$pending"
}

# shellcheck shell=sh
# shellcheck disable=SC2034,SC2154  # with the others it is one script
# Looks for credentials, and tells of each where it lies and what it is, never a part of it. Follows
# candidates.sh, pointers.sh, and what is made from the catalogue: syntax_of, the recognisers.

# Seconds for what is not small, and how often one look lets it come to their end.
reading_seconds=8 most_slow=2

look_at_credentials() {
  candidates_elsewhere
  candidates_of_settings
  suspects=$suspects$recent files=$files$recent_files
  [ -n "$suspects" ] || return 0
  find_mentions
  taken=$newline told_at='' mentioned=0
  set -f
  IFS=$newline
  for line in $suspects; do
    unset IFS
    place=${line%%"$tab"*} line=${line#*"$tab"}
    person=${line%%"$tab"*} line=${line#*"$tab"}
    home=${line%%"$tab"*} file=${line#*"$tab"}
    if is_mention && ! take_apart; then
      huge='' mentions=''
      break
    fi
    IFS=$newline
  done
  unset IFS
  set +f
  # They were not those of the suspects, or not in that order.
  [ -z "$huge$mentions" ] || be_unread
}

# Whether $file may hold a credential. Both lists are in the order of the suspects.
is_mention() {
  if [ "$file" = "${huge%%"$newline"*}" ]; then
    huge=${huge#*"$newline"}
  elif [ "$file" = "${mentions%%"$newline"*}" ]; then
    mentions=${mentions#*"$newline"}
  else
    needs_no_name "$place" || is_called_so
  fi
}

# Whether the name of $file, or of a folder on the way below the home, names Cachix.
is_called_so() {
  case ${file#"$home"} in *[Cc][Aa][Cc][Hh][Ii][Xx]*) ;; *) return 1 ;; esac
}

# take_apart: $file, as the first place that it belongs to, and as each to which a setting leads besides:
# that is what reads it. Sets again: why it is not cut then. Fails if there are too many.
take_apart() {
  syntax_of "$place"
  again=''
  case $taken in
    *"$newline$syntax$tab$file$newline"*) return 0 ;;
    *"$tab$file$newline"*)
      is_led_to "$place" || return 0
      again=unclear
      ;;
  esac
  taken=$taken$syntax$tab$file$newline mentioned=$((mentioned + 1))
  if [ "$mentioned" -gt "$most_mentions" ]; then
    unread_place "$file" "$too_many"
    return 1
  fi
  case $large in
    *"$newline$file$newline"*) unread_place "$file" 'larger than 64 MiB' ;;
    *) recognise ;;
  esac
  return 0
}

# Sets mentions, the files that name Cachix; slow, those that may take long to be taken apart, large, those
# that are too large for it, and huge, those that are too large even to be searched. In blocks of 512 bytes:
# 16 KiB, as a line of more may take a recogniser the square of its length, 64 MiB, 1 GiB. Each of mentions and of huge ends in a line feed.
find_mentions() {
  set -f
  IFS=$newline
  # shellcheck disable=SC2086  # a list
  slow=$(find -L $files -prune -size +32 -print 2>/dev/null)
  [ "$?" -le 128 ] || be_unread
  # shellcheck disable=SC2086  # a list
  large=${slow:+$(find -L $slow -prune -size +131072 -print 2>/dev/null)}
  [ "$?" -le 128 ] || be_unread
  # shellcheck disable=SC2086  # a list
  huge=${large:+$(find -L $large -prune -size +2097152 -print 2>/dev/null)}
  [ "$?" -le 128 ] || be_unread
  large=$newline$large$newline slow=$newline$slow$newline times_out=0
  if [ -n "$huge" ]; then
    huge=$huge$newline
    searchable='' left=$huge
    for file in $files; do
      if [ "$file" = "${left%%"$newline"*}" ]; then
        left=${left#*"$newline"}
      else
        searchable=$searchable$file$newline
      fi
    done
    files=${searchable%"$newline"}
  fi
  # shellcheck disable=SC2086  # a list
  mentions=$(grep -liF -e cachix $files /dev/null 2>/dev/null)
  # What could not be searched is taken apart, and that tells why.
  if [ "$?" -gt 1 ]; then mentions=${files%"$newline"}; fi
  mentions=$mentions${mentions:+$newline}
  unset IFS
  set +f
}

# Tells of each credential in $file. Somebody may save it meanwhile: where its bytes are is read at
# one time, and it is stamped at another.
recognise() {
  if [ "$times_out" -ge "$most_slow" ] && is_slow; then
    unread_place "$file" 'reading it takes too long'
    return
  fi
  for _ in 1 2; do
    stamp=$(stamp "$file")
    find_told
    case $newline$told$newline in
      *"${newline}slow$newline"*)
        times_out=$((times_out + 1))
        unread_place "$file" 'reading it takes too long'
        return
        ;;
      *"${newline}failed$newline"*)
        unread_place "$file" 'reading it failed'
        return
        ;;
    esac
    [ -z "$again" ] || leave_out_told
    [ -n "$told" ] || return 0
    find_site
    refused=$again
    [ -n "$site$again" ] || [ -z "$program" ] || try_without
    if [ "$(stamp "$file")" = "$stamp" ]; then
      tell
      return
    fi
  done
  unread_place "$file" 'it changed meanwhile'
}

# Sets told: what the recogniser says of $file, or a line `failed`.
find_told() {
  called=0
  ! is_called_so || called=1
  told=$(
    {
      case $syntax in
        # One line of megabytes takes an awk the square of its length.
        editor) as_text '[\012*]' | { fold -b -s -w 1024 || echo failed >&3; } ;;
        *) as_text '[^*]' ;;
      esac |
        in_time awk -v variables="$variables" -v bare="$bare" -v hosts="$cachix_host" -v called="$called" \
          "$recogniser" |
        within_most || echo failed
    } 2>/dev/null 3>&1
  )
}

# in_time COMMAND…: what it says of $file, and a line `slow` or `failed`.
in_time() {
  if is_slow; then
    limit "$reading_seconds" "$@"
    case $? in 0) return ;; 124 | 137) echo slow ;; esac
  else
    "$@" && return
  fi
  echo failed
}

is_slow() {
  case $slow in *"$newline$file$newline"*) ;; *) return 1 ;; esac
}

# Takes out of told what was told of $file before: its lines, or all if the whole file is to go. What is
# left has no bytes that are to go. Of a token the first line stands for all.
leave_out_told() {
  told=$(
    printf '%s\n' "$told_at" "$told" | file=$file awk -F "$tab" -v OFS="$tab" -v syntax="$syntax" '
      NF == 2 && $1 == ENVIRON["file"] { lines = lines $2 }
      NF <= 2 || index(lines, " all ") || (syntax != "token" && index(lines, " " $2 " ")) { next }
      $1 != "hostname" { $3 = $4 = 0 }
      { print }'
  )
}

# What a recogniser says; of more than most_told credentials the first, which is hindered, and their number.
within_most() {
  awk -F "$tab" -v most="$most_told" '
    $1 == "failed" || $1 == "slow" || $1 == "hostname" { print; next }
    ++count <= most { kept[count] = $0 }
    count == 1 { first = $1 "\t" $2 }
    END {
      if (count > most) print first "\t0\t0\ttoo-many\t-\t" count
      else for (i = 1; i <= count; i++) print kept[i]
    }'
}

# as_text REPLACEMENT: $file, with this in place of each byte that is no plain text.
as_text() { tr -c '\011\012\015\040-\176' "$1" <"$file" || echo failed >&3; }

tell() {
  # What a pattern has found, or a link leads to, and the answer may not be able to hold.
  case ${file#"$home"}${folder#"$home"}$link in
    *[!\ -~]*)
      unread_place "$file" 'a credential is in it, but a name on the way is not plain text'
      return
      ;;
  esac
  told_lines=' '
  set -f
  IFS=$newline
  for found in $told; do
    IFS=$tab
    # shellcheck disable=SC2086  # its fields, of which an empty one is a dash
    set -- $found
    unset IFS
    if [ "$1" = hostname ]; then
      record cachix-hostname "$file" "${6#-}"
      continue
    fi
    # A whole file may go, or is advised to be removed, wherever it lies and whose it is: that hides no
    # other reason to leave it, unless the way to it has to be made first.
    case $5:$syntax:$site in
      -:*) hindrance=${site:-$refused} ;;
      *:store | *:locked | *:read-only) hindrance=$site ;;
      *:dhall:* | *:token:* | *:owner) hindrance=$5 ;;
      *) hindrance=${site:-$5} ;;
    esac
    record credential "$place" "$person" "$file" "$1" "$2" "$3" "$4" "$hindrance" "${6#-}" \
      "$folder" "$stamp" "$mode" "$link"
    [ -z "${7-}" ] || record credential-count "$file" "$7"
    case $3:$4:$hindrance in 0:0:) told_lines=' all ' ;; *) told_lines="$told_lines$2 " ;; esac
  done
  unset IFS
  told_at=$told_at$file$tab$told_lines$newline
}

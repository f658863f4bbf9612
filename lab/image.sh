#!/bin/sh
# What a base image has beyond its packages. mmdebstrap runs it in the image, as root.
set -eu

# Members, as on a team's machines: their own login shells, one with a dot in the name.
useradd --create-home --shell /bin/bash --groups nix-users baleen
useradd --create-home --shell /usr/bin/fish --groups nix-users jito.hello
useradd --create-home --shell /usr/bin/tcsh --groups nix-users mia
# Who deploys: `lead` is asked for no password by sudo, `guarded` is. Nobody knows that password.
useradd --create-home --shell /bin/bash --groups nix-users lead
useradd --create-home --shell /bin/bash guarded
echo "guarded:$(tr -dc 'a-z0-9' </dev/urandom | head -c 24)" | chpasswd
printf '%s\n' 'lead ALL=(ALL) NOPASSWD: ALL' 'guarded ALL=(ALL) ALL' >/etc/sudoers.d/lab
chmod 0440 /etc/sudoers.d/lab

# Each machine gets a host key of its own, pinned before it boots. One list of client keys holds for
# every account. What sshd says goes to a file, so that the commands of a run can be counted.
rm -f /etc/ssh/ssh_host_*
cat >/etc/ssh/sshd_config.d/lab.conf <<'CONF'
HostKey /etc/ssh/ssh_host_ed25519_key
AuthorizedKeysFile /etc/ssh/authorized_keys
PermitRootLogin prohibit-password
PasswordAuthentication no
UseDNS no
MaxStartups 200
MaxSessions 200
LogLevel VERBOSE
CONF
echo "SSHD_OPTS='-E /var/log/sshd.log'" >/etc/default/ssh
# From OpenSSH 9.8 on, an address that fails to log in is shut out for a while, and here every
# client has the same address.
if dpkg --compare-versions "$(dpkg-query -W -f '${Version}' openssh-server)" ge 1:9.8; then
    echo 'PerSourcePenalties no' >>/etc/ssh/sshd_config.d/lab.conf
fi

# With pam_systemd a login soon after the last logout can stall for 30 s ("user@0.service: Processes
# still around after final SIGKILL").
sed -i '/pam_systemd\.so/d' /etc/pam.d/common-session

# Nobody sits at these machines, and nothing may wake up in them by itself.
systemctl mask --quiet console-getty.service systemd-logind.service \
    apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer fstrim.timer \
    man-db.timer
# A container needs none of these units and generators. Each starts a program at a boot or a reload.
systemctl mask --quiet getty.target systemd-remount-fs.service systemd-sysusers.service \
    systemd-tmpfiles-setup-dev.service systemd-tmpfiles-setup-dev-early.service \
    systemd-update-utmp.service systemd-update-utmp-runlevel.service \
    dev-hugepages.mount dev-mqueue.mount run-lock.mount sys-fs-fuse-connections.mount
mkdir -p /etc/systemd/system-generators
for generator in /usr/lib/systemd/system-generators/*; do
    ln -s /dev/null "/etc/systemd/system-generators/${generator##*/}"
done
# A name that is not known stays so at once: builds must not wait for a name server.
rm -f /etc/resolv.conf /etc/machine-id
touch /etc/resolv.conf /etc/machine-id

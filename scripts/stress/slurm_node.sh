#!/bin/bash
# A Slurm of one node for tests: on loopback, without accounting, systemd or cgroups. Needs root and Debian or a relative of it.
#
#   scripts/stress/slurm_node.sh up [FOLDER]      installs Slurm if it is not there, starts it, prints the file for SLURM_CONF
#   scripts/stress/slurm_node.sh down [FOLDER]    ends its jobs and what 'up' started
#
# All it writes is in FOLDER (default: $TMPDIR/evosim-slurm), but for munge's socket in /tmp, and a line in /etc/hosts if the machine does not
# know its own name. Several may run at once if SLURM_NODE_PORT differs by two. Exit code 77: it cannot be had here, and standard error says why.
set -euo pipefail
what=${1:-}
folder=${2:-${TMPDIR:-/tmp}/evosim-slurm}
conf=$folder/slurm.conf
export SLURM_CONF=$conf PATH=$PATH:/usr/sbin:/sbin

cannot() {
  echo "a one-node Slurm must be possible here, but $1" >&2
  exit 77
}

alive() { munge --socket="$munge/socket" --no-input 2>/dev/null | unmunge --socket="$munge/socket" >/dev/null 2>&1; }

gone() { case $(awk '{ print $3 }' "/proc/$1/stat" 2>/dev/null || true) in "" | Z) true ;; *) false ;; esac; }

install() {
  command -v slurmctld >/dev/null && command -v slurmd >/dev/null && command -v munged >/dev/null && return
  command -v apt-get >/dev/null || cannot "there is no apt-get to install it with"
  export DEBIAN_FRONTEND=noninteractive
  {
    apt-get -qq update
    apt-get -qq install --yes --no-install-recommends -o DPkg::Lock::Timeout=120 slurm-wlm munge
  } >"$folder/install.log" 2>&1 || cannot "its packages cannot be installed: $(tail -n 1 "$folder/install.log")"
}

up() {
  [ "$(id -u)" = 0 ] || cannot "only root can start it"
  mkdir -p "$folder"/{state,spool,log,run}
  install
  # A munge of our own. It refuses to be root, and keys that others can read, and must be found where others may look.
  munge=$(mktemp -d /tmp/evosim-munge-XXXXXX)
  echo "$munge" >"$folder/munge"
  chmod 755 "$munge"
  dd if=/dev/urandom bs=1 count=1024 of="$munge/key" status=none
  chmod 400 "$munge/key"
  chown -R munge: "$munge"
  node=$(hostname -s)
  getent hosts "$node" >/dev/null || echo "127.0.0.1 $node" >>/etc/hosts
  memory=$(awk '/MemTotal/ { print int($2 / 1024 * 0.9) }' /proc/meminfo)
  cat >"$conf" <<CONF
ClusterName=evosim
SlurmctldHost=$node(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=$munge/socket
SlurmctldPort=${SLURM_NODE_PORT:-16817}
SlurmdPort=$((${SLURM_NODE_PORT:-16817} + 1))
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool
SlurmctldPidFile=$folder/run/slurmctld.pid
SlurmdPidFile=$folder/run/slurmd.pid
SlurmctldLogFile=$folder/log/slurmctld.log
SlurmdLogFile=$folder/log/slurmd.log
ProctrackType=proctrack/pgid
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SwitchType=switch/none
MpiDefault=none
ReturnToService=2
SchedulerType=sched/backfill
SchedulerParameters=batch_sched_delay=0,sched_interval=1,bf_interval=1,sched_min_interval=0
SlurmctldTimeout=30
SlurmdTimeout=30
KillWait=5
NodeName=$node NodeAddr=127.0.0.1 CPUs=$(nproc) RealMemory=$memory State=UNKNOWN
PartitionName=one Nodes=$node Default=YES MaxTime=01:00:00 State=UP OverSubscribe=NO
CONF
  runuser -u munge -- munged --force --key-file="$munge/key" --socket="$munge/socket" --pid-file="$munge/pid" \
    --log-file="$munge/log" --seed-file="$munge/seed" >"$folder/log/munged.log" 2>&1 || true
  # Liveness is asked of it, not read from the list of processes, where the dead may linger.
  for _ in $(seq 50); do alive && break; sleep 0.1; done
  alive || cannot "munged does not start: $(tail -n 1 "$folder/log/munged.log")"
  slurmctld -f "$conf"
  slurmd -f "$conf" -N "$node"
  for _ in $(seq 100); do
    [ "$(sinfo -h -o %T 2>/dev/null || true)" = idle ] && { echo "$conf"; return; }
    sleep 0.2
  done
  cannot "its node does not come up: $(tail -n 1 "$folder/log/slurmd.log")"
}

down() {
  [ -s "$folder/munge" ] || return 0
  scancel --user="$(id -un)" 2>/dev/null || true
  for _ in $(seq 40); do squeue -h 2>/dev/null | grep -q . || break; sleep 0.5; done
  munge=$(cat "$folder/munge")
  for file in "$folder/run/slurmd.pid" "$folder/run/slurmctld.pid" "$munge/pid"; do
    pid=$(cat "$file" 2>/dev/null || true)
    [ -n "$pid" ] && kill "$pid" 2>/dev/null || continue
    for _ in $(seq 50); do gone "$pid" && break; sleep 0.1; done
  done
  rm -rf "$folder" "$munge"
}

case $what in
  up) down; up ;;
  down) down ;;
  *) sed -n '2,9s/^# \{0,1\}//p' "$0"; exit 2 ;;
esac

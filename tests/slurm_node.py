"""A real SLURM of one node on this machine, from Debian's packages, started and stopped by hand (no systemd, no accounting)."""

import os
import shutil
import socket
import subprocess
import time
from pathlib import Path

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scontrol", "sinfo", "scancel")
SETTINGS = Path("/etc/slurm")
CONFIG = """
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
AuthType=auth/munge
StateSaveLocation={state}/controller
SlurmdSpoolDir={state}/node
SlurmctldPidFile={state}/slurmctld.pid
SlurmdPidFile={state}/slurmd.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherParams=OverMemoryKill
EnforcePartLimits=ALL
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
GresTypes=gpu
MinJobAge=86400
ReturnToService=2
MpiDefault=none
AccountingStorageType=accounting_storage/none
NodeName={host} NodeAddr=127.0.0.1 {node} Gres=gpu:1 State=UNKNOWN
PartitionName=cpu Nodes={host} Default=YES MaxTime=60 State=UP
PartitionName=gpu Nodes={host} MaxTime=60 State=UP
"""


def why_not() -> str | None:
    """Why no SLURM can be started here, or None."""
    missing = [name for name in PROGRAMS if not shutil.which(name)]
    if missing:
        return f"{', '.join(missing)} not installed: apt-get install slurm-wlm munge"
    if os.geteuid() != 0:
        return "starting a SLURM needs root"
    if subprocess.run(["scontrol", "ping"], capture_output=True, text=True, check=False).stdout.count("UP"):
        return "a SLURM is running here already"
    return None


class Node:
    """Context in which the node is up; /etc/slurm is restored afterwards, and only what was started here is stopped."""

    def __init__(self, state: Path):
        self.state, self.daemons, self.kept = state, [], state / "etc-slurm"

    def __enter__(self) -> "Node":
        try:
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _start(self) -> None:
        for name in ("controller", "node", "logs"):
            (self.state / name).mkdir()
        if SETTINGS.exists():
            shutil.copytree(SETTINGS, self.kept)
        SETTINGS.mkdir(exist_ok=True)
        host = socket.gethostname().split(".")[0]
        described = subprocess.run(["slurmd", "-C"], capture_output=True, text=True, check=True).stdout.splitlines()[0]
        fields = dict(field.split("=", 1) for field in described.split() if "=" in field)
        memory = int(fields["RealMemory"]) - 512
        node = f"CPUs={fields['CPUs']} RealMemory={memory}"
        (SETTINGS / "slurm.conf").write_text(CONFIG.format(host=host, state=self.state, node=node))
        (SETTINGS / "gres.conf").write_text("Name=gpu File=/dev/null\n")
        (SETTINGS / "cgroup.conf").write_text(
            "CgroupAutomount=no\n" + "".join(f"Constrain{w}=no\n" for w in ("Cores", "Devices", "RAMSpace", "SwapSpace"))
        )
        run = Path("/run/munge")
        run.mkdir(exist_ok=True)
        shutil.chown(run, "munge", "munge")
        munge = ["setpriv", "--reuid", "munge", "--regid", "munge", "--clear-groups", "munged", "--foreground"]
        if not Path("/run/munge/munge.socket.2").exists():
            self._daemon("munged", munge, lambda: Path("/run/munge/munge.socket.2").exists())
        self._daemon("slurmctld", ["slurmctld", "-D"], lambda: " UP" in _say("scontrol", "ping"))
        self._daemon("slurmd", ["slurmd", "-D", "-N", host], lambda: "idle" in _say("sinfo", "-h", "-o", "%t"))

    def _daemon(self, name: str, command: list[str], ready) -> None:
        with (self.state / "logs" / name).open("w") as log:
            process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, start_new_session=True)
        self.daemons.append(process)
        for _ in range(300):
            if ready():
                return
            if process.poll() is not None:
                break
            time.sleep(0.1)
        raise RuntimeError(f"{name} did not start:\n{(self.state / 'logs' / name).read_text()[-2000:]}")

    def __exit__(self, *_) -> None:
        if shutil.which("scancel") and len(self.daemons) > 1:
            subprocess.run(["scancel", "--user", "root"], capture_output=True, check=False)
            time.sleep(1)
        for process in reversed(self.daemons):
            process.terminate()
        for process in self.daemons:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
        if self.kept.exists():
            shutil.rmtree(SETTINGS)
            shutil.copytree(self.kept, SETTINGS)


def _say(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=30).stdout


def jobs(state: str = "") -> dict[str, str]:
    """Ids of the jobs in the queue (in a state, if given) with their comments, which name rule and wildcards."""
    lines = _say("squeue", "-h", "-o", "%i|%k", *(("-t", state) if state else ())).splitlines()
    return dict(line.split("|", 1) for line in lines)

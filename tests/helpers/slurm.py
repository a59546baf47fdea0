"""Stand-ins for SLURM's commands: jobs run at once on this machine, and what was asked is kept."""

from pathlib import Path

SBATCH = """#!/bin/bash
echo "$@" >> {folder}/sbatch.log
script="${{@: -1}}"
cat "$script" >> {folder}/sbatch.log
number=$((700 + $(grep -c '^#!/bin/bash' {folder}/sbatch.log)))
export SLURM_JOB_ID=$number
export SLURM_NTASKS=1 SLURM_JOB_NUM_NODES=1 SLURM_NODEID=0 SLURM_PROCID=0 SLURM_LOCALID=0
export SLURM_JOB_NODELIST=here
cp "$script" {folder}/$number.sh  # SLURM too keeps a copy: submitit moves the file away at once
nohup bash {folder}/$number.sh > {folder}/$number.log 2>&1 &
echo "Submitted batch job $number"
"""

SRUN = """#!/bin/bash
while [[ $1 == -* ]]; do
  [[ $1 == --output || $1 == --error ]] && shift
  shift
done
exec "$@"
"""


def install(folder: Path) -> str:
    """Puts the commands into a folder and gives a PATH entry."""
    commands = folder / "bin"
    commands.mkdir(parents=True)
    texts = {
        "sbatch": SBATCH.format(folder=folder),
        "srun": SRUN,
        "scontrol": "#!/bin/bash\necho here\n",
        "sacct": "#!/bin/bash\necho 'JobID|State|NodeList'\n",
        "scancel": "#!/bin/bash\n",
    }
    for name, text in texts.items():
        (commands / name).write_text(text)
        (commands / name).chmod(0o755)
    return str(commands)

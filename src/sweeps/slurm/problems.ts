/** What can go wrong between bringup and a cluster. */
import { defineDiagnostics } from '../../diagnostics.ts'

export const problems = defineDiagnostics({
  SLURM_MISSING: {
    title: 'A command of Slurm is missing on this computer.',
    why: 'jobs are submitted with sbatch, watched with squeue and ended with scancel',
    remedy: 'run bringup on a login node of the cluster, or load its module; without a cluster: --on local',
  },
  SLURM_REFUSED: {
    title: 'sbatch refuses the jobs of a sweep.',
    why: 'the cluster does not accept jobs of this size or with these options',
    remedy:
      'change `slurm` in bringup.config; `sinfo` and `sacctmgr show assoc user=$USER` say what is allowed',
  },
  SLURM_PARTITION_UNKNOWN: {
    title: 'The cluster has no partition of that name, or none is its default.',
    why: 'every job runs in a partition',
    remedy: 'set slurm.partition in bringup.config; `sinfo` lists them',
  },
  SLURM_NOT_ANSWERING: {
    title: 'The controller of the cluster does not answer.',
    why: 'slurmctld is down or cannot be reached, so no job can be submitted',
    remedy: 'run it again once `scontrol ping` says UP',
  },
  SLURM_NOT_SHARED: {
    title: 'The nodes of the cluster do not see the folder of the sweep.',
    why: 'jobs read the project and write their results there',
    remedy: 'move the project to a shared file system, or keep the results on one: --state FOLDER',
  },
  SLURM_PROGRAM_MISSING: {
    title: 'The nodes of the cluster do not have bringup or Node.js at the path of this computer.',
    why: 'each job runs the same bringup as this computer',
    remedy: 'install both on a shared file system, or on every node at the same path',
  },
  SLURM_JOB_FAILED: {
    title: 'Jobs of a sweep end before they run a cell.',
    why: 'no cell can run there',
    remedy: 'read the log of the job and correct what it says; then: bringup sweep NAME --resume',
  },
  SLURM_NODE_DIFFERS: {
    title: 'A node of the cluster would run a cell with other input than this computer.',
    why: 'results of different QEMUs, accelerators or files are not comparable',
    remedy:
      'use one QEMU everywhere (`bringup qemu install` in a shared home), name the `accelerator` in the machine, and run bringup on a computer like the nodes',
  },
  SLURM_SCRATCH_FULL: {
    title: 'The scratch folder of a node has no room for what the cells read.',
    severity: 'warning',
    why: 'kernels, QEMUs and saved states are read from the shared file system instead, which is slower',
    remedy: 'make room, name another folder with slurm.scratch, or set slurm.stage to false',
  },
})

/** How jobs of a sweep are submitted to Slurm: options of sbatch that the plan cannot know. */
import * as z from 'zod'
import { zDuration } from '../units.ts'

/** One word of sbatch's command line. */
const zWord = z.string().min(1).max(1000)

/** `slurm` of a project or of a sweep. Unknown keys are refused. */
export const slurmSchema = z.lazy(() =>
  z
    .strictObject({
      partition: zWord.optional().describe('Partition. Default: that of the cluster.'),
      account: zWord.optional().describe('Account that the jobs are charged to.'),
      qos: zWord.optional().describe('Quality of service.'),
      constraint: zWord.optional().describe('Features that a node must have: `kvm&avx512`.'),
      gres: zWord.optional().describe('Generic resources of each job: `kvm:1`.'),
      reservation: zWord.optional().describe('Reservation to run in.'),
      exclude: zWord.optional().describe('Nodes that no job may run on: `n[3-5]`.'),
      nice: z.int().min(0).max(2_147_483_645).optional().describe('Lowers the priority of the jobs.'),
      time: zDuration
        .optional()
        .describe('Time limit of a job. Default: `batch`, and the time limit of the slowest cell.'),
      batch: zDuration
        .default(600_000)
        .describe('How long a job takes one cell after another before it makes room for other jobs.'),
      scratch: zWord
        .optional()
        .describe(
          'Folder on the local disk of every node. `$NAME` is a variable of the job. Default: `$SLURM_TMPDIR`, `$TMPDIR`, else `/tmp`.',
        ),
      stage: z
        .boolean()
        .default(true)
        .describe('Copies kernels, QEMUs and saved states to the scratch folder, once for each node.'),
    })
    .describe('Jobs on a Slurm cluster: `bringup sweep NAME --on slurm`.'),
)

/** With all defaults filled in. */
export type SlurmConfig = z.output<typeof slurmSchema>

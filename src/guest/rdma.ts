/** RDMA devices of a guest. */
import { BringupError, defineDiagnostics } from '../diagnostics.ts'
import type { GuestRdmaDevice } from '../machine/guest-view.ts'
import type { ProfileRdma } from '../project/profile.ts'
import type { CommandOptions, CommandResult } from './guest.ts'

export const problems = defineDiagnostics({
  GUEST_HAS_NO_RDMA: {
    title: 'The guests of this profile do not report RDMA devices.',
    why: 'they are read in the guest over its command channel, by profiles whose guests are Linux',
    remedy: 'use profile "linux" or "debian"',
  },
})

/** RDMA in a guest, whatever made the device: `rdma` of a card, or hardware. */
export interface GuestRdma {
  /**
   * The devices that are there now, with the state of their ports and their GIDs.
   *
   * @throws BringupError `GUEST_HAS_NO_RDMA`, `RDMA_DEVICES_UNKNOWN`, `SHELL_ENDED`
   * @example
   * const [rxe] = await guest.rdma.devices()
   * console.log(rxe?.name, rxe?.ports[0]?.state) // rxe0 ACTIVE
   */
  devices(): Promise<readonly GuestRdmaDevice[]>

  /**
   * Resolves once a program of the guest listens on the port: of the RDMA connection manager (`rping`: 7174, `ucmatose`:
   * 7471), or of TCP, over which `ibv_rc_pingpong` and `ib_write_bw` (18515) exchange their addresses. A client that
   * starts earlier is rejected.
   *
   * @param options.timeoutMs Default 60,000.
   * @throws BringupError `RDMA_NOT_LISTENING`, `GUEST_HAS_NO_RDMA`, `SHELL_ENDED`
   * @example
   * const served = server.run(['rping', '-s', '-C', '10'])
   * await server.rdma.listening(7174)
   * await client.run(['rping', '-c', '-a', '10.1.0.10', '-C', '10'])
   * await served
   */
  listening(port: number, options?: { readonly timeoutMs?: number }): Promise<void>
}

const LISTEN_MS = 60_000

export function openRdma(
  rdma: ProfileRdma | undefined,
  profile: string,
  run: (argv: readonly string[], options?: CommandOptions) => Promise<CommandResult>,
): GuestRdma {
  const need = (): ProfileRdma => {
    if (rdma) return rdma
    throw new BringupError([problems.GUEST_HAS_NO_RDMA.at('', `the guest has profile "${profile}"`)])
  }
  return {
    devices: async () => need().devices(run),
    listening: async (port, { timeoutMs = LISTEN_MS } = {}) => need().listening(run, port, timeoutMs),
  }
}

/** What `bringup rdma up` does, as steps. */
import { MANAGERS } from '../host/rdma.ts'
import type { Step } from '../steps/step.ts'
import { rdmaAccess } from './steps/device-access.ts'
import { dummyInterface } from './steps/dummy-interface.ts'
import { moduleLoaded } from './steps/module-loaded.ts'
import { moduleUnloaded } from './steps/module-unloaded.ts'
import { ofedDriver } from './steps/ofed-driver.ts'
import { softDevice } from './steps/soft-device.ts'

/** Of RDMA, in the journal. */
export const OPERATION_NAME = 'rdma'

/** Name of the interface that is made where none is given. */
export const OWN_INTERFACE = 'bringup-rdma'

export interface RdmaRequest {
  /** RDMA device to use, or to make. */
  readonly device: string
  /** Make it of this interface; without it, the device is there. */
  readonly soft?: { readonly interface: string; readonly isMade: boolean }
  readonly ofed?: { readonly archive: string; readonly sha256: string }
  readonly uid: number
}

/** Pure. Modules that are in the way are unloaded last: making a device may load them. */
export function rdmaSteps({ device, soft, ofed, uid }: RdmaRequest): readonly Step[] {
  const load = (module: string, isOptional = false) => moduleLoaded.step({ module, isOptional })
  return [
    ...(ofed ? [ofedDriver.step(ofed)] : []),
    load('ib_uverbs'),
    load('ib_umad'),
    ...(soft
      ? [
          load('crc32_generic', true),
          load('rdma_rxe'),
          ...(soft.isMade ? [load('dummy'), dummyInterface.step({ name: soft.interface })] : []),
          softDevice.step({ device, interface: soft.interface }),
        ]
      : []),
    ...MANAGERS.map((module) => moduleUnloaded.step({ module })),
    ...(uid === 0 ? [] : [rdmaAccess.step({ device, uid })]),
  ]
}

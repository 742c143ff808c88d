/**
 * A correction of the driver vmw_pvrdma. QEMU's device takes a request for the next event of a completion queue for one
 * for none: only bit 29 of the doorbell, "solicited only", arms the queue, and only together with bit 30
 * (pvrdma_main.c of QEMU 7.2, pvrdma_uar_write). Each completion is in the ring of the device all the same, which the
 * driver reads at the next interrupt, whatever it is for: with the corrected driver it looks by itself.
 */

/** Part of names in the cache: raised when the correction changes. */
export const CORRECTION = 1

export interface DriverSource {
  readonly 'pvrdma.h': string
  readonly 'pvrdma_main.c': string
}

const FUNCTION = `
/* QEMU sends no interrupt for completions of programs. */
static void pvrdma_look(struct work_struct *work)
{
	struct pvrdma_dev *dev = container_of(to_delayed_work(work),
					      struct pvrdma_dev, look);
	struct pvrdma_ring *ring = &dev->cq_ring_state->rx;
	int ring_slots = (dev->dsr->cq_ring_pages.num_pages - 1) * PAGE_SIZE /
			 sizeof(struct pvrdma_cqne);
	unsigned long flags;
	unsigned int head;

	if (pvrdma_idx_ring_has_data(ring, ring_slots, &head) > 0) {
		int irq = pci_irq_vector(dev->pdev, dev->nr_vectors - 1);

		disable_irq(irq);
		local_irq_save(flags);
		pvrdma_intrx_handler(irq, dev);
		local_irq_restore(flags);
		enable_irq(irq);
	}
	/* One queue is that of management datagrams, which has interrupts. */
	schedule_delayed_work(&dev->look,
			      atomic_read(&dev->num_cqs) > 1 ? 1 : HZ / 10);
}
`

const CHANGES = [
  ['pvrdma.h', '\tstruct notifier_block nb_netdev;\n', '\tstruct delayed_work look;\n'],
  // Before the function that hands out interrupts, which is after the handler.
  ['pvrdma_main.c', '\nstatic void pvrdma_free_irq(', FUNCTION, 'before'],
  [
    'pvrdma_main.c',
    '\tdev_info(&pdev->dev, "attached to device\\n");\n',
    '\tINIT_DELAYED_WORK(&dev->look, pvrdma_look);\n\tschedule_delayed_work(&dev->look, HZ / 10);\n',
  ],
  [
    'pvrdma_main.c',
    '\tdev_info(&pdev->dev, "detaching from device\\n");\n',
    '\tcancel_delayed_work_sync(&dev->look);\n',
  ],
] as const

/** Undefined for a source that this does not fit. Pure. */
export function correctedDriver(source: DriverSource): DriverSource | undefined {
  const files: Record<keyof DriverSource, string> = { ...source }
  for (const [file, anchor, text, side] of CHANGES) {
    const parts = files[file].split(anchor)
    if (parts.length !== 2) return undefined
    files[file] = parts.join(side === 'before' ? `${text}${anchor}` : `${anchor}${text}`)
  }
  return files
}

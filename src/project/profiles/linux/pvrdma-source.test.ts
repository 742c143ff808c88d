import { expect, test } from 'vitest'
import { correctedDriver } from './pvrdma-source.ts'

const SOURCE = {
  'pvrdma.h': 'struct pvrdma_dev {\n\tstruct notifier_block nb_netdev;\n};\n',
  'pvrdma_main.c': `static irqreturn_t pvrdma_intrx_handler(int irq, void *dev_id)
{
}

static void pvrdma_free_irq(struct pvrdma_dev *dev)
{
}
probe:
	dev_info(&pdev->dev, "attached to device\\n");
	return 0;
remove:
	dev_info(&pdev->dev, "detaching from device\\n");
`,
}

test('the driver looks at the ring of completions by itself', () => {
  const corrected = correctedDriver(SOURCE)
  expect(corrected?.['pvrdma.h']).toContain('nb_netdev;\n\tstruct delayed_work look;\n')
  const main = corrected?.['pvrdma_main.c'] ?? ''
  const order = ['pvrdma_intrx_handler(int', 'pvrdma_look(struct', 'pvrdma_free_irq(', 'INIT_DELAYED_WORK']
  const places = [...order, 'return 0;', 'cancel_delayed_work_sync'].map((text) => main.indexOf(text))
  expect(places).toEqual(places.toSorted((a, b) => a - b))
  expect(places).not.toContain(-1)
})

test('a source that it does not fit is left alone', () => {
  expect(correctedDriver({ ...SOURCE, 'pvrdma.h': '' })).toBeUndefined()
  const twice = `${SOURCE['pvrdma_main.c']}${SOURCE['pvrdma_main.c']}`
  expect(correctedDriver({ ...SOURCE, 'pvrdma_main.c': twice })).toBeUndefined()
})

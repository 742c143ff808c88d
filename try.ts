import { findEngine, tryEngines } from './src/containers/engine.ts'
import { ensureImage } from './src/containers/image.ts'
import { startContainer } from './src/containers/container.ts'
const signal = new AbortController().signal
console.log(JSON.stringify(await tryEngines(signal)))
const engine = await findEngine(signal)
const user = { name: 'ann', uid: 1234, gid: 100 }
const t = Date.now()
const recipe = { base: 'bringup-test-base:1', user, packages: [{ name: 'gcc', why: 'x' }, { name: 'libc6-dev', why: 'x' }], crates: [], npm: [] }
const { image, wasThere } = await ensureImage({ engine, profile: 'probe', recipe, signal, onLine: (l) => console.log('|', l) })
console.log(image, wasThere, Date.now() - t)
{
  await using c = await startContainer({ engine, image, profile: 'probe', user, folder: '/tmp/dk/so urce, x' }, signal)
  console.log(await c.run({ argv: ['sh', '-c', 'id; pwd; ls -la; touch made; ls -la ~ ~/.cache ~/.cargo'] }, { signal, onOutput: (x) => process.stdout.write(x) }))
}
console.log('ended', Date.now() - t)

/** Programs that sources of a build call: `Command::new("grub-mkrescue")`, `subprocess.run(["nasm", …])`. Pure. */
import type { SourceTree } from '../tree.ts'

const FILES = ['build.rs', 'xtask/src/main.rs', 'build.py', 'tools/build.py', 'scripts/build.py']
const CALL = /(?:Command::new\(|(?:run|call|check_call|check_output|Popen|system)\(\s*\[?)\s*["']([\w.+-]+)/g

export function commandsInProgramText(tree: SourceTree): readonly string[] {
  return FILES.flatMap((path) => {
    const text = tree.read(path)
    return text === undefined ? [] : [...text.matchAll(CALL)].map(([, name = '']) => name)
  })
}

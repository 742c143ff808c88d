/** Texts of systemd units for persistent memory. Pure. */

/** As `systemd-escape --path` does it. Source: systemd.unit(5), "String Escaping for Inclusion in Unit Names". */
export function escapeUnitPath(path: string): string {
  const inner = path.split('/').filter(Boolean).join('/')
  if (inner === '') return '-'
  return [...Buffer.from(inner)]
    .map((byte, index) => {
      const char = String.fromCharCode(byte)
      if (char === '/') return '-'
      const isPlain = /[A-Za-z0-9:_]/.test(char) || (char === '.' && index > 0)
      return isPlain ? char : `\\x${byte.toString(16).padStart(2, '0')}`
    })
    .join('')
}

/** Makes the file system if the device has none: systemd-makefs leaves what is there alone. */
export function serviceUnit(device: string, type: string): string {
  return `[Unit]
Description=A file system on ${device}, made if it is missing (bringup)
BindsTo=${escapeUnitPath(device)}.device
After=${escapeUnitPath(device)}.device
DefaultDependencies=no

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/lib/systemd/systemd-makefs ${type} ${device}
`
}

export interface MountUnit {
  readonly device: string
  readonly path: string
  readonly type: string
  readonly service: string
}

/** Wanted, not required, and not waited for by local-fs.target: a computer whose memory is missing boots all the same. */
export function mountUnit({ device, path, type, service }: MountUnit): string {
  return `[Unit]
Description=Emulated persistent memory (bringup)
Requires=${service}
After=${service}
DefaultDependencies=no
Conflicts=umount.target
Before=umount.target

[Mount]
What=${device}
Where=${path.replaceAll('%', '%%')}
Type=${type}
Options=dax

[Install]
WantedBy=multi-user.target
`
}

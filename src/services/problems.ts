/** What can be wrong with a service. */
import { defineDiagnostics } from '../diagnostics.ts'

export const problems = defineDiagnostics({
  SERVICE_PROGRAM_MISSING: {
    title: 'The program of a service is missing.',
    why: 'a service is a program of this computer; it is started without a shell',
    remedy: 'install the program, or give its absolute path as the first word of `argv`',
  },
  SERVICE_NAME_TWICE: {
    title: 'Two services of a run have the same name.',
    why: 'the name is the folder of the log, and how other parts of the run refer to the service',
    remedy: 'rename one of them',
  },
  SERVICE_NOT_READY: {
    title: 'A service did not get ready.',
    why: 'what depends on the service starts only once it is ready',
    remedy:
      'read its log; the last lines are below. Correct `argv` or `ready`, or raise `readyWithin` for a slow program',
  },
  SERVICE_DIED: {
    title: 'A service ended while the run still needed it.',
    why: 'a service has to stay in the foreground until the run ends',
    remedy:
      'read its log; the last lines are below. Use the option of the program that keeps it in the foreground, or set `restart` to start it again',
  },
  SERVICE_RESTARTED: {
    severity: 'warning',
    title: 'A service died and was started again.',
    why: '`restart` asks for it; what the service knew before is lost',
    remedy: 'read its log for why it died',
  },
  SERVICE_KILLED: {
    severity: 'warning',
    title: 'A service did not end by its stop signal and was killed.',
    why: 'a service that is killed cannot tidy up what it has made outside its folder',
    remedy: 'set `stop` to the signal by which the program ends, or raise `stopWithin`',
  },
  SERVICE_PORT_TAKEN: {
    title: 'Another process listens on the port of a service.',
    why: 'the service cannot listen there, and the port of another program would pass for its own',
    remedy: 'end that process, or use another port in `argv` and `ready`',
  },
  SERVICE_PATH_TAKEN: {
    title: 'Another process listens on the socket of a service.',
    why: 'the service cannot listen there, and the socket of another program would pass for its own',
    remedy: 'end that process, or use a path below {folder}, which is new for every start',
    source: '/proc/net/unix',
  },
  SERVICE_SHARED_DIFFERS: {
    title: 'A shared service runs with other settings.',
    why: 'a service with a key exists once; all runs that use the key must describe it in the same way',
    remedy: 'use the same `argv`, `env`, `ready` and `stop` everywhere, or another key',
  },
  SERVICE_FOLDER_UNSAFE: {
    title: 'The folder for sockets of this user is not private.',
    why: 'another user could replace the sockets and locks of services',
    remedy: 'remove the folder, or set XDG_RUNTIME_DIR to a folder of yours with mode 0700',
  },
  SERVICE_NOT_SUPERVISED: {
    title: 'The supervisor of a service could not be started, or was killed.',
    why: 'it starts the service, and ends it when the last run that uses it ends',
    remedy: 'install util-linux (setpriv, flock), and see that processes can be started: ulimit -u',
    source: 'setpriv(1), flock(1)',
  },
})

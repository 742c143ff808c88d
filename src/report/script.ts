/**
 * What the report adds in a browser with JavaScript. Everything else works without it, so controls that need it are made
 * here. Plain JavaScript: the page has it as it stands.
 */
export const SCRIPT = `
const button = (text, label, onClick) => {
  const made = document.createElement('button')
  made.type = 'button'
  made.textContent = text
  if (label) made.setAttribute('aria-label', label)
  made.addEventListener('click', () => onClick(made))
  return made
}
const select = (node) => {
  const range = document.createRange()
  range.selectNodeContents(node)
  getSelection().removeAllRanges()
  getSelection().addRange(range)
}
for (const pre of document.querySelectorAll('pre.command')) {
  const box = document.createElement('div')
  box.className = 'copyable'
  pre.replaceWith(box)
  box.append(pre, button('Copy', 'Copy the command', async (made) => {
    try {
      await navigator.clipboard.writeText(pre.textContent)
      made.textContent = 'Copied'
    } catch {
      select(pre)
      made.textContent = 'Selected'
    }
    made.addEventListener('blur', () => { made.textContent = 'Copy' }, { once: true })
  }))
}
for (const pre of document.querySelectorAll('pre.log')) {
  const caption = pre.parentElement.querySelector('figcaption')
  if (!caption) continue
  const toggle = button('Show all lines', '', (made) => {
    const whole = pre.classList.toggle('whole')
    made.textContent = whole ? 'Show less' : 'Show all lines'
    made.setAttribute('aria-expanded', String(whole))
  })
  toggle.setAttribute('aria-expanded', 'false')
  caption.append(toggle)
}
`

import { expect, it } from 'vitest'
import { html, markup } from './html.ts'

it('escapes every value, in text and in attributes', () => {
  const text = `<a href='x' title="y">&`
  expect(html`<p title="${text}">${text}</p>`.text).toBe(
    '<p title="&lt;a href=&#39;x&#39; title=&quot;y&quot;&gt;&amp;">&lt;a href=&#39;x&#39; title=&quot;y&quot;&gt;&amp;</p>',
  )
})

it('shows control and invisible characters, and keeps newlines and tabs', () => {
  expect(html`${'a\x00\x1b[6n\u202e\n\tb'}`.text).toBe('a\\x00\\x1b[6n\\u202e\n\tb')
})

it('takes markup, lists, numbers and nothing', () => {
  const none = undefined
  expect(html`${markup('<b>')}${[1, 'x', html`<i>`]}${none}${false}${0}`.text).toBe('<b>1x<i>0')
})

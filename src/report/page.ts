/** The HTML document around a report: everything in one file, and a policy that lets nothing else in. */
import { createHash } from 'node:crypto'
import { type Html, html, markup } from './html.ts'

export interface Page {
  readonly title: string
  readonly body: Html
  readonly style: string
  readonly script: string
}

/**
 * The document. Its policy names the digests of its own style and script: no other script, style, picture or connection
 * is loaded, whatever the text of a guest holds.
 */
export function pageText({ title, body, style, script }: Page): string {
  const policy = [
    "default-src 'none'",
    `style-src '${digest(style)}'`,
    `script-src '${digest(script)}'`,
    'img-src data:',
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ')
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${markup(policy)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<link rel="icon" href="data:,">
<title>${title}</title>
<style>${markup(style)}</style>
</head>
<body>
<a class="skip" href="#content">Skip to the content</a>
${body}
<script>${markup(script)}</script>
</body>
</html>
`.text
}

const digest = (text: string) => `sha256-${createHash('sha256').update(text).digest('base64')}`

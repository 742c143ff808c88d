import DefaultTheme from 'vitepress/theme'
import './custom.css'

// VitePress takes its theme from the default export.
export default DefaultTheme

import { defineConfig } from 'bringup'
import { bootSector } from 'bringup-profile-boot-sector'

// The profile comes from node_modules: npm install --save-dev bringup-profile-boot-sector
export default defineConfig({
  profile: 'boot-sector',
  profiles: [bootSector],
  build: { greeting: 'hello from the config' },
  machines: { default: { summary: 'a BIOS and a disk' } },
})

/** `node:crypto`, loaded at its first use: a run that has everything at hand needs none of it, and loading takes 4 ms. */
export const crypto = () => process.getBuiltinModule('node:crypto')

// What both client libraries need to know of the sandbox: its URL, its chain and its accounts.
import { defineChain } from 'viem'
import { mnemonicToAccount } from 'viem/accounts'

export const MNEMONIC = 'test test test test test test test test test test test junk'

/// The chain behind `url`, as viem describes chains.
export function sandboxChain(url, chainId) {
  const websocket = url.replace(/^http/, 'ws')
  return defineChain({
    id: chainId,
    name: 'Millrace sandbox',
    nativeCurrency: { name: 'Tez', symbol: 'XTZ', decimals: 18 },
    rpcUrls: { default: { http: [url], webSocket: [websocket] } },
  })
}

/// The ten funded accounts.
export function accounts() {
  return Array.from({ length: 10 }, (_, addressIndex) => mnemonicToAccount(MNEMONIC, { addressIndex }))
}

/// The private key of a viem account, as ethers takes it.
export function privateKeyOf(account) {
  return `0x${Buffer.from(account.getHdKey().privateKey).toString('hex')}`
}

/// Resolves when `settled()` is true, checked whenever `poke` is called; `what` tells how far it got.
export function waiter(settled, timeoutMs, what) {
  let resolve, reject
  const promise = new Promise((ok, no) => ([resolve, reject] = [ok, no]))
  const timer = setTimeout(() => reject(new Error(`timed out waiting for ${what()}`)), timeoutMs)
  const poke = () => {
    if (!settled()) return
    clearTimeout(timer)
    resolve()
  }
  return { promise, poke }
}

// Signs native transfers of the first funded account to the second one, for tests that need raw transactions.
// Prints a JSON list of raw transactions.
//
// usage: node sign.mjs <chain id> <first nonce> <count>
import { accounts } from './chain.mjs'

const [chainId, first, count] = process.argv.slice(2).map(Number)
const [from, to] = accounts()
const raws = []
for (let nonce = first; nonce < first + count; nonce++) {
  raws.push(
    await from.signTransaction({
      type: 'eip1559', chainId, nonce, to: to.address, value: 1n, gas: 650_000n,
      maxFeePerGas: 10_000_000_000n, maxPriorityFeePerGas: 0n,
    }),
  )
}
console.log(JSON.stringify(raws))

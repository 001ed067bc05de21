// Deploys a granary through the configured network, uses it with ethers, and prints what it saw as a line of JSON.
const assert = require('node:assert/strict')
const { ethers } = require('ethers')
const hre = require('hardhat')

async function main() {
  const { abi, bytecode } = await hre.artifacts.readArtifact('Granary')
  const provider = new ethers.BrowserProvider(hre.network.provider, undefined, { pollingInterval: 50 })
  const signer = await provider.getSigner(2)
  const granary = await new ethers.ContractFactory(abi, bytecode, signer).deploy()
  await granary.waitForDeployment()

  const receipt = await (await granary.store(12)).wait()
  assert.equal(receipt.logs.length, 1)
  assert.equal(await granary.sacks(signer.address), 12n)
  const events = await granary.queryFilter(granary.filters.Stored(signer.address), receipt.blockNumber)
  assert.deepEqual(events.map((event) => event.args.sacks), [12n])
  await assert.rejects(granary.store(0), (error) => JSON.stringify(error).includes('nothing to store') || /nothing to store/.test(error))
  console.log(JSON.stringify({ granary: await granary.getAddress(), signer: signer.address, sacks: 12 }))
}

main().catch((error) => {
  console.error(error)
  process.exitCode = 1
})

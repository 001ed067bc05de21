// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

/// OpenZeppelin's ERC-20 with a supply to hand out, and a method that fails with a reason.
contract Token is ERC20 {
    constructor(uint256 supply) ERC20("Millrace Test Token", "MTT") {
        _mint(msg.sender, supply);
    }

    function refuse() external pure {
        revert("the mill stands still");
    }
}

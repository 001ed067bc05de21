// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

/// Counts sacks and tells of each.
contract Mill {
    event Ground(address indexed by, uint256 sacks);

    uint256 public sacks;
    uint256 public immutable first;

    constructor(uint256 first_) {
        first = first_;
        sacks = first_;
    }

    function grind(uint256 more) external {
        sacks += more;
        emit Ground(msg.sender, more);
    }
}

//! Who orders transactions, as an originator writes it.

use crate::{
    Committee, Parameters,
    error::{Fault, ParameterError},
    text::{base58, cannot_be},
};
use millrace_primitives::Epoch;
use millrace_wire::authority::{Authority, AuthorityError, PublicKey};

/// The first epoch: the authority that the installer writes.
const FIRST_EPOCH: Epoch = Epoch::new(0);
/// Instead of a key: nobody is in charge of ordering.
pub const NOBODY: &str = "nobody";

impl Parameters {
    /// The authority at the start; `None` for nobody.
    ///
    /// # Errors
    /// [`ParameterError`]: neither sequencer nor committee, both, or one that cannot take office.
    pub(crate) fn authority(&self) -> Result<Option<Authority>, ParameterError> {
        match (self.sequencer.as_str(), &self.committee) {
            ("", None) => {
                let what = "who orders transactions? Give a public key, a committee, or nobody";
                Err(ParameterError::new("sequencer", Fault::Missing(what)))
            }
            ("", Some(committee)) => committee.read().map(Some),
            (sequencer, Some(_)) => Err(cannot_be(
                "sequencer",
                sequencer,
                "there is a committee too: one of them orders, not both",
            )),
            (NOBODY, None) => Ok(None),
            (sequencer, None) => {
                let key = base58::<PublicKey>("sequencer", sequencer, "a public key edpk…, sppk… or p2pk…")?;
                let authority = Authority::single(FIRST_EPOCH, key);
                let off_curve = |_| cannot_be("sequencer", sequencer, "it is not a point of its curve");
                authority.validate().map_err(off_curve)?;
                Ok(Some(authority))
            }
        }
    }
}

impl Committee {
    fn read(&self) -> Result<Authority, ParameterError> {
        let mut members = Vec::new();
        for (index, text) in self.members.iter().enumerate() {
            members.push(base58::<PublicKey>(&member(index), text, "a public key edpk…")?);
        }
        if members.len() < 2 {
            let reason = "a committee has two members or more; for one write sequencer: edpk…";
            return Err(cannot_be("committee.members", format!("{} members", members.len()), reason));
        }
        let authority = Authority { epoch: FIRST_EPOCH, members, quorum: self.quorum };
        authority.validate().map_err(|error| self.refusal(error))?;
        Ok(authority)
    }

    fn refusal(&self, error: AuthorityError) -> ParameterError {
        let at = |index: u16, reason: &str| {
            let index = usize::from(index);
            let text = self.members.get(index).map_or("", String::as_str);
            cannot_be(member(index), text, reason)
        };
        match error {
            AuthorityError::InvalidKey(index) => at(index, "it is not a point of its curve"),
            AuthorityError::OtherCurve(index) => at(index, "the keys of a committee are Ed25519, edpk…"),
            AuthorityError::DuplicateMember(index) => at(index, "it is a member before"),
            AuthorityError::Quorum => {
                let reason = format!("it cannot be reached: there are {} members", self.members.len());
                cannot_be("committee.quorum", self.quorum, reason)
            }
            AuthorityError::Empty | AuthorityError::TooManyMembers => {
                cannot_be("committee.members", self.members.len(), error.to_string())
            }
        }
    }
}

fn member(index: usize) -> String {
    format!("committee.members[{index}]")
}

//! Error answers, in the shape of Octez: an array of errors with kind, id and message.

use crate::sandbox::chain::{InjectError, Refused};
use crate::sandbox::contracts::ContractError;
use crate::sandbox::rollup_node::LookupError;
use crate::sandbox::store::StoreError;
use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// A request that gets an error answer.
#[derive(Debug)]
pub(super) struct Failure {
    status: StatusCode,
    id: &'static str,
    message: String,
}

impl Failure {
    pub(super) fn new(status: StatusCode, id: &'static str, message: impl ToString) -> Self {
        Self { status, id, message: message.to_string() }
    }

    /// The request cannot be understood.
    pub(super) fn bad_request(id: &'static str, message: impl ToString) -> Self {
        Self::new(StatusCode::BAD_REQUEST, id, message)
    }

    /// The sandbox failed, not the request.
    pub(super) fn internal(message: impl ToString) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "sandbox.internal", message)
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        // Octez: permanent errors never go away, temporary ones may.
        let kind = if self.status.is_server_error() || self.status == StatusCode::TOO_MANY_REQUESTS {
            "temporary"
        } else {
            "permanent"
        };
        let trace = json!([{ "kind": kind, "id": self.id, "msg": self.message }]);
        (self.status, Json(trace)).into_response()
    }
}

impl From<LookupError> for Failure {
    fn from(error: LookupError) -> Self {
        match &error {
            LookupError::Unknown(_) => Self::new(StatusCode::NOT_FOUND, "sandbox.unknown_block", error),
            LookupError::Forgotten { .. } => Self::new(StatusCode::GONE, "sandbox.state_forgotten", error),
            LookupError::Store(_) => Self::internal(error),
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::internal(error)
    }
}

impl From<ContractError> for Failure {
    fn from(error: ContractError) -> Self {
        let id = match &error {
            ContractError::NoContract { .. } => "sandbox.no_contract",
            ContractError::NotItsBusiness(_) => "sandbox.not_its_business",
            ContractError::RootHash => "sandbox.bad_root_hash",
            ContractError::Key => "sandbox.bad_public_key",
            ContractError::Address => "sandbox.bad_address",
            ContractError::Hexadecimal => "sandbox.bad_hexadecimal",
            ContractError::Refused(_) => "sandbox.refused_by_the_kernel",
            ContractError::TransactionSize => "sandbox.bad_transaction_size",
            ContractError::Account => "sandbox.bad_account",
            ContractError::NoAmount => "sandbox.no_amount",
        };
        Self::bad_request(id, error)
    }
}

impl From<InjectError> for Failure {
    fn from(error: InjectError) -> Self {
        match &error {
            InjectError::Refused(Refused::Full { .. }) => {
                Self::new(StatusCode::TOO_MANY_REQUESTS, "sandbox.mempool_full", error)
            }
            InjectError::Refused(_) => Self::bad_request("sandbox.message_refused", error),
            InjectError::Store(_) => Self::internal(error),
        }
    }
}

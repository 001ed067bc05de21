//! A plain JSON-RPC client, so that a scenario sees replies as they are.

use crate::PATIENCE;
use anyhow::{Context as _, bail};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// How often something that is awaited is asked for.
const POLL: Duration = Duration::from_millis(20);

/// A JSON-RPC endpoint.
#[derive(Clone, Debug)]
pub struct Rpc {
    http: reqwest::Client,
    url: String,
}

/// An error reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Its code.
    pub code: i64,
    /// Its message.
    pub message: String,
}

impl Rpc {
    /// The endpoint at `url`.
    ///
    /// # Errors
    /// When no HTTP client can be made.
    pub fn new(url: String) -> anyhow::Result<Self> {
        Ok(Self { http: reqwest::Client::builder().no_proxy().build()?, url })
    }

    /// Where it is.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Posts any body; answers status and text.
    ///
    /// # Errors
    /// When nobody answers.
    pub async fn post(&self, body: impl Into<reqwest::Body>) -> anyhow::Result<(u16, String)> {
        let request = self.http.post(&self.url).header("content-type", "application/json").body(body);
        let answer = request.send().await?;
        Ok((answer.status().as_u16(), answer.text().await?))
    }

    /// Calls a method; an error reply is an error.
    ///
    /// # Errors
    /// An error reply, or no reply.
    pub async fn call(&self, method: &str, params: Value) -> anyhow::Result<Value> {
        let (_, text) = self.post(request(method, &params).to_string()).await?;
        let reply: Value = serde_json::from_str(&text).with_context(|| format!("{method}: {text}"))?;
        match reply.get("result") {
            Some(result) => Ok(result.clone()),
            None => bail!("{method}: {}", reply["error"]),
        }
    }

    /// Calls a method that must fail.
    ///
    /// # Errors
    /// When it does not fail.
    pub async fn failure(&self, method: &str, params: Value) -> anyhow::Result<Failure> {
        let (_, text) = self.post(request(method, &params).to_string()).await?;
        failure_of(&text).with_context(|| format!("{method} {params}: {text}"))
    }

    /// Asks until `is_it` says yes.
    ///
    /// # Errors
    /// When that does not happen within [`PATIENCE`].
    pub async fn until(
        &self,
        (method, params): (&str, Value),
        is_it: impl Fn(&Value) -> bool,
    ) -> anyhow::Result<Value> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let result = self.call(method, params.clone()).await?;
            if is_it(&result) {
                return Ok(result);
            }
            if Instant::now() > deadline {
                bail!("{method} {params} did not change for long: {result}");
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// The receipt of a transaction, once there is one.
    ///
    /// # Errors
    /// When there is none within [`PATIENCE`].
    pub async fn receipt(&self, hash: &Value) -> anyhow::Result<Value> {
        self.until(("eth_getTransactionReceipt", json!([hash])), |receipt| !receipt.is_null()).await
    }
}

fn request(method: &str, params: &Value) -> Value {
    json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
}

/// The error of an error reply.
pub(crate) fn failure_of(text: &str) -> anyhow::Result<Failure> {
    let reply: Value = serde_json::from_str(text)?;
    let error = reply.get("error").context("no error")?;
    Ok(Failure {
        code: error["code"].as_i64().context("no code")?,
        message: error["message"].as_str().context("no message")?.to_owned(),
    })
}

/// The number behind `0x…`.
///
/// # Errors
/// When it is none.
pub fn quantity(value: &Value) -> anyhow::Result<u64> {
    let digits = value.as_str().and_then(|text| text.strip_prefix("0x")).context("not a quantity")?;
    Ok(u64::from_str_radix(digits, 16)?)
}

//! Commands about what the rollup sent to the layer 1.

use millrace_l1::client::ClientError;
use millrace_l1::control::Control;
use millrace_l1::control::outbox::{Execute, Message, State};

/// Show what the rollup sent to the layer 1, and what became of it.
#[derive(Debug, clap::Args)]
pub(super) struct Outbox {}

impl Outbox {
    pub(super) async fn run(self, control: &Control) -> Result<String, ClientError> {
        let outbox = control.outbox().await?;
        let head = format!("levels up to {} are cemented", outbox.cemented_level);
        let lines = std::iter::once(head).chain(outbox.messages.iter().map(line));
        Ok(lines.collect::<Vec<_>>().join("\n"))
    }
}

/// Execute outbox messages whose commitments are cemented: withdrawals are paid out.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  millrace l1 execute-outbox             all that can be executed
  millrace l1 execute-outbox --level 42 --index 0")]
pub(super) struct ExecuteOutbox {
    /// The level of one message. All that can be executed are when it is left out.
    #[arg(long, value_name = "LEVEL")]
    level: Option<u32>,
    /// Its place among the messages of the level.
    #[arg(long, value_name = "INDEX", default_value_t = 0, requires = "level")]
    index: u32,
}

impl ExecuteOutbox {
    pub(super) async fn run(self, control: &Control) -> Result<String, ClientError> {
        let chosen = match self.level {
            Some(level) => vec![Execute { level, index: self.index }],
            None => executable(&control.outbox().await?.messages),
        };
        for execute in &chosen {
            control.execute(execute).await?;
        }
        let count = chosen.len();
        Ok(format!("{count} messages are on their way; an account has one operation a level"))
    }
}

/// Those that can be executed, the oldest first.
fn executable(messages: &[Message]) -> Vec<Execute> {
    let can_be = messages.iter().rev().filter(|message| message.state == State::Executable);
    can_be.map(|message| Execute { level: message.level, index: message.index }).collect()
}

/// What an account of the layer 1 has.
#[derive(Debug, clap::Args)]
pub(super) struct Balance {
    /// tz1… or KT1….
    account: String,
}

impl Balance {
    pub(super) async fn run(self, control: &Control) -> Result<String, ClientError> {
        let mutez = control.balance_mutez(&self.account).await?;
        Ok(format!("{mutez} mutez"))
    }
}

fn line(message: &Message) -> String {
    let what = match &message.withdrawal {
        None => "what no contract understands".to_owned(),
        Some(withdrawal) => {
            let (amount, receiver) = (&withdrawal.amount, &withdrawal.receiver);
            format!("{amount} for {receiver} by {} of {}", withdrawal.entrypoint, withdrawal.destination)
        }
    };
    let state = match message.state {
        State::Waiting { until_level } => format!("waits until level {until_level}"),
        State::Executable => "can be executed".to_owned(),
        State::Executed => "was executed".to_owned(),
        State::Unexecutable => "can never be executed".to_owned(),
    };
    format!("level {}, message {}: {what}: {state}", message.level, message.index)
}

#[cfg(test)]
mod tests {
    use super::*;
    use millrace_l1::control::outbox::Withdrawal;

    fn message(level: u32, state: State) -> Message {
        let withdrawal = Withdrawal {
            receiver: "tz1receiver".to_owned(),
            amount: "7".to_owned(),
            ticketer: "KT1t".to_owned(),
            destination: "KT1d".to_owned(),
            entrypoint: "burn".to_owned(),
        };
        Message { level, index: 1, bytes: "00".to_owned(), withdrawal: Some(withdrawal), state }
    }

    #[test]
    fn only_what_can_be_executed_is_the_oldest_first() {
        let states =
            [State::Waiting { until_level: 9 }, State::Executable, State::Executable, State::Executed];
        let messages: Vec<_> =
            (1..=4).rev().zip(states).map(|(level, state)| message(level, state)).collect();
        let levels: Vec<_> = executable(&messages).iter().map(|execute| execute.level).collect();
        assert_eq!(levels, [2, 3]);
    }

    #[test]
    fn a_message_has_a_line() {
        let text = line(&message(4, State::Waiting { until_level: 30 }));
        assert_eq!(text, "level 4, message 1: 7 for tz1receiver by burn of KT1d: waits until level 30");
        let unknown = Message { withdrawal: None, ..message(4, State::Unexecutable) };
        assert!(line(&unknown).ends_with("what no contract understands: can never be executed"));
    }
}

//! The commands of Octez's debugger in its words.

use crate::{Case, kernels};
use millrace_primitives::U256;

const TWO_LEVELS: &str = r#"[[{"external":"0a0b"},{"external":"00"}],[{"serialized":"02ff"}]]"#;

fn counting() -> Case {
    Case::new(&kernels::counting()).inputs(TWO_LEVELS)
}

#[test]
fn a_level_goes_step_by_step() {
    let expected = "> Status: Waiting for input
Internal_status: Collect
> Inbox has 0 messages:

> Loaded 2 inputs at level 0
> Status: Evaluating
Internal_status: Snapshot
> Inbox has 5 messages:
{ raw_level: 0;
  counter: 0
  payload: Start_of_level }
{ raw_level: 0;
  counter: 1
  payload: Info_per_level {predecessor_timestamp = 1970-01-01T00:00:00-00:00; predecessor = \
                    BKiHLREqU3JkXfzEDYAkmmfX48gBDtYhMrpA98s7Aq4SzbUAB6M} }
{ raw_level: 0;
  counter: 2
  payload: 0a0b }
{ raw_level: 0;
  counter: 3
  payload: 00 }
{ raw_level: 0;
  counter: 4
  payload: End_of_level }
> The PVM is not expecting inputs yet. You can `step inbox` to evaluate the current inbox.
> run
Evaluation took 50000000000000 ticks so far
Status: Evaluating
Internal_status: Snapshot
> e7030000
> run
Evaluation took 50000000000000 ticks so far
Status: Waiting for input
Internal_status: Collect
> Outbox has 2 messages:
Unknown encoding: 0a0b
Unknown encoding: 00
> No outbox found at level 1
> Evaluation took 0 ticks so far
Status: Waiting for input
Internal_status: Collect
> ";
    let lines = "show status\nshow inbox\nload inputs\nshow status\nshow inbox\nload inputs\nstep kernel_run\n\
                 show key /readonly/kernel/env/reboot_counter\nstep kernel_run\nshow outbox at level 0\n\
                 show outbox at level 1\nstep kernel_run\n";
    assert_eq!(counting().run(lines), expected);
}

#[test]
fn inboxes_go_by_until_there_are_no_more() {
    let expected = "> Loaded 2 inputs at level 0
run
run
Evaluation took 100000000000000 ticks so far
Status: Waiting for input
Internal_status: Collect
> 2
> Loaded 1 inputs at level 1
run
run
Evaluation took 100000000000000 ticks so far
Status: Waiting for input
Internal_status: Collect
> 04000000
> No more inputs at level 2
Evaluation took 0 ticks so far
Status: Waiting for input
Internal_status: Collect
> No more inputs at level 2
> ";
    let lines = "step inbox\nshow key /count as i32\nstep inbox\nshow key /count\nstep inbox\nload inputs\n\
                 stop\nstep inbox\n";
    assert_eq!(counting().run(lines), expected);
}

#[test]
fn a_result_can_be_looked_into_before_the_memory_is_lost() {
    let output = counting().run(
        "show memory at 0 for 4 bytes\nload inputs\nstep result\nstep result\nshow memory at 0 for 6 bytes as string\n\
         show memory at 100 as i32\nshow memory at 100 for 0x4 bytes\nshow memory at 65535 as u16\nstep kernel_run\n\
         show memory at 0 for 1 bytes\n",
    );
    let lines: Vec<&str> = output.lines().collect();
    assert_eq!(lines[0], "> Error: Cannot inspect memory during internal state Collect");
    assert_eq!(lines[2], "> run");
    let ticks = |line: &str| {
        let words: Vec<&str> = line.trim_start_matches("> ").split(' ').collect();
        assert_eq!(
            (words[0], words[1], words[3..].join(" ").as_str()),
            ("Evaluation", "took", "ticks so far")
        );
        words[2].parse::<u64>().unwrap()
    };
    let (result, rest) = (ticks(lines[3]), ticks(lines[13]));
    assert!(result > 0);
    assert_eq!(result + rest, 50_000_000_000_000);
    assert_eq!(lines[4..6], ["Status: Evaluating", "Internal_status: Evaluation succeeded"]);
    assert_eq!(ticks(lines[6]), 0);
    assert_eq!(lines[9..13], ["> /count", "> 1", "> 01000000", "> Error: out of bounds memory access"]);
    assert_eq!(lines[16], "> Error: Cannot inspect memory during internal state Snapshot");
}

#[test]
fn a_trap_is_a_result_too() {
    let output = Case::new(&kernels::trapping())
        .inputs("[[]]")
        .run("load inputs\nstep result\nstep inbox\nshow key /mark as string\nshow key /readonly/kernel/env/stuck\n");
    assert!(output.contains("Internal_status: Evaluation failed (unreachable executed)\n"), "{output}");
    assert!(output.ends_with("Internal_status: Collect\n> /mark\n> \n> "), "{output}");
}

#[test]
fn the_durable_storage_is_shown() {
    let case = Case::new(&kernels::trapping()).inputs("[[]]");
    let output = case.run(
        "step inbox\nls\nshow subkeys /kernel\nshow subkeys\nls mark\nls /no\nshow key /no\nshow key x\n",
    );
    let shown = output.split("Collect\n").nth(1).unwrap();
    let expected = "> /kernel\n/mark\n/readonly\n> /boot.wasm\n/env\n> /kernel\n/mark\n/readonly\n\
                    > Invalid path, it must start with '/'\n\
                    > The path /no is not available in the durable storage\n> Key not found\n> Invalid key\n> ";
    assert_eq!(shown, expected);
    let tree = case.run("step inbox\nshow durable storage\n");
    let chunk = format!("{}{}", hex_of("/mark"), "00".repeat(507));
    let mark = format!(
        "/mark\n  \n/mark/@\n  \n/mark/@/contents\n  \n/mark/@/contents/0\n  {chunk}\n\
         /mark/@/length\n  0000000000000005\n/readonly\n  \n"
    );
    assert!(tree.contains(&mark), "{tree}");
}

fn hex_of(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn values_have_kinds() {
    let mut case = Case::new(&kernels::trapping());
    let digits = "01".repeat(32);
    let config = format!("instructions:\n- set:\n    value: {digits}\n    to: /word\n");
    case.options.installer_config = Some(case.write("config.yaml", config));
    let word = U256::from_little_endian(&[1; 32]);
    let expected = format!(
        "> {digits}\n> {word}\n> Error: u16 values must be 2 bytes long. Defaulting to hexadecimal value\n{digits}\n> "
    );
    assert_eq!(
        case.run("show key /word as hex\nshow key /word as u256\nshow key /word as uint16\n"),
        expected
    );
}

#[test]
fn symbols_are_dumped() {
    let output = Case::new(&kernels::trapping()).run("dump function symbols\n");
    assert!(
        output.starts_with("> Functions:\n - func[0] <read_input>\n - func[1] <write_output>\n"),
        "{output}"
    );
    let empty = Case::new("(module (memory (export \"memory\") 1) (func (export \"kernel_run\")))");
    assert_eq!(empty.run("dump function symbols\n"), "> Functions:\n\n> ");
}

#[test]
fn ticks_lead_through_the_boot_and_one_through_the_evaluation() {
    let case = Case::new(&kernels::trapping()).inputs("[[]]");
    let output = case.run(&["load inputs\n", &"step tick\n".repeat(2_000)].concat());
    let states: Vec<&str> =
        output.lines().filter_map(|line| line.strip_prefix("Internal_status: ")).collect();
    let mut seen = states.clone();
    seen.dedup();
    assert_eq!(
        seen,
        ["Decode", "Link", "Init", "Eval", "Evaluation failed (unreachable executed)", "Padding"]
    );
    let boot = states.iter().filter(|state| ["Decode", "Link", "Init"].contains(state)).count();
    let steps: Vec<&str> = output.lines().filter(|line| line.contains("Evaluation took")).collect();
    assert!(steps[..boot].iter().all(|line| line.ends_with("took 1 ticks so far")));
    let evaluation = steps.iter().filter(|line| !line.ends_with("took 1 ticks so far")).count();
    assert_eq!(evaluation, 1);
}

#[test]
fn a_preimage_is_read_or_asked_for() {
    let page = b"a page of something";
    let hash: String =
        millrace_pvm::reveal::reveal_hash(page).iter().map(|byte| format!("{byte:02x}")).collect();
    let config = format!("{{\"instructions\":[{{\"set\":{{\"value\":\"{hash}\",\"to\":\"/hash\"}}}}]}}");
    let mut case = Case::new(&kernels::revealing()).inputs("[[]]");
    case.options.installer_config = Some(case.write("config.json", config));
    let folder = case.options.preimage_dir.display().to_string();
    let asked = format!(
        "> Loaded 0 inputs at level 0\nPreimage {hash} not found in {folder}, or there was a reading error. \
         Please provide it manually.\n> Error: the data is not a valid hexadecimal value.\n\
         > Evaluation took 50000000000000 ticks so far\nStatus: Waiting for input\nInternal_status: Collect\n\
         > a page of something\n> "
    );
    let digits: String = page.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(case.run(&format!("step inbox\nzz\n{digits}\nshow key /page as string\n")), asked);
    case.write(&format!("preimage/{hash}"), page);
    let output = case.run("step inbox\nshow key /page as string\nreveal preimage 00\nreveal metadata\n");
    let expected = "> a page of something\n> Error: not a reveal step\n> Error: Not in a reveal step\n> ";
    assert!(output.ends_with(expected), "{output}");
}

#[test]
fn unknown_commands_go_to_the_stream_of_errors() {
    let transcript = counting().try_run("show everything\n\nstep\n").unwrap();
    assert_eq!(transcript.output, "> > > > ");
    assert_eq!(
        transcript.errors,
        "Unknown command `show everything`\nUnknown command ``\nUnknown command `step`\n"
    );
}

#[test]
fn a_command_is_timed() {
    let output = counting().run("time show status\n");
    let took = output.lines().nth(2).unwrap();
    assert!(took.starts_with("took ") && took.ends_with('s'), "{output}");
}

#[test]
fn debug_output_is_hidden_and_timed_where_that_is_asked_for() {
    let mut case = counting();
    case.options.shows_debug = false;
    case.options.timings_file = Some(case.path("timings"));
    assert!(!case.run("step inbox\n").contains("run\n"));
    let timings = std::fs::read_to_string(case.path("timings")).unwrap();
    assert_eq!(timings.lines().count(), 2);
    for line in timings.lines() {
        assert!(
            line.starts_with("{\"elapsed\":{\"secs\":") && line.ends_with("},\"message\":\"run\"}"),
            "{line}"
        );
    }
}

//! Profiles, host calls, differences, JSON: what Octez's debugger does not have.

use crate::{Case, kernels};
use serde_json::Value;

fn objects(output: &str) -> Vec<Value> {
    output.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn stacks_have_exact_operators() {
    let case = Case::new(&kernels::calling()).inputs("[[],[]]").json();
    let replies = objects(&case.run("profile --without-time\nprofile\nshow functions 2\n"));
    let stacks =
        |reply: &Value| std::fs::read_to_string(reply["stacks_in_operators"].as_str().unwrap()).unwrap();
    // kernel_run itself: 2 calls with an operand and two drops each, 2 for the table, 2 for the recursion.
    let expected = "kernel_run 12
kernel_run;pair 10
kernel_run;pair;leaf 2
kernel_run;leaf 2
kernel_run;down 6
kernel_run;down;down 6
kernel_run;down;down;down 6
kernel_run;down;down;down;down 2
";
    assert_eq!(stacks(&replies[0]), expected);
    assert_eq!(stacks(&replies[0]), stacks(&replies[1]));
    assert_eq!(replies[0]["operators"], 46);
    assert_eq!(replies[0]["runs"][0]["operators"], 46);
    assert_eq!(replies[0]["runs"][0]["took_ns"], Value::Null);
    assert!(replies[1]["runs"][0]["took_ns"].is_u64());
    let graph = std::fs::read_to_string(replies[0]["flame_graph"].as_str().unwrap()).unwrap();
    assert!(graph.contains("<title>pair: 12 operators, 26.09%, 2 calls</title>"), "{graph}");
    let functions = replies[2]["functions"].as_array().unwrap();
    assert_eq!((&functions[0]["name"], &functions[0]["operators"]), (&"down".into(), &20.into()));
    assert_eq!((&functions[0]["operators_inclusive"], &functions[0]["calls"]), (&20.into(), &4.into()));
    assert_eq!((&functions[1]["name"], &functions[1]["operators"]), (&"kernel_run".into(), &12.into()));
}

#[test]
fn a_profile_changes_nothing() {
    let script = |step: &str| {
        format!("{step}\nshow key /count\nshow outbox at level 0\nshow host calls\nls /readonly/kernel\n")
    };
    let case = Case::new(&kernels::counting()).inputs(r#"[[{"external":"0102"}]]"#);
    let (stepped, profiled) = (case.run(&script("step inbox")), case.run(&script("profile")));
    let after = |output: &str| output.split_once("> 02000000\n").map(|(_, rest)| rest.to_owned());
    assert!(after(&stepped).is_some_and(|rest| rest.contains("Unknown encoding: 0102")));
    assert_eq!(after(&stepped), after(&profiled));
    let lines: Vec<&str> = profiled.lines().collect();
    assert!(lines[1].starts_with("Starting the profiling until new messages are expected."));
    assert_eq!(lines[2..4], ["run", "run"]);
    assert!(lines[4].starts_with("Profiling result can be found in ") && lines[4].ends_with(".out"));
    let rules = lines.iter().filter(|line| line.starts_with("-----")).count();
    assert_eq!(rules, 3);
    assert!(profiled.contains("\nFull execution with padding: 100000000000000 ticks\n"), "{profiled}");
}

#[test]
fn one_run_is_profiled_and_only_from_where_one_begins() {
    let case = Case::new(&kernels::counting()).inputs("[[]]");
    let output = case.run("load inputs\nprofile --no-reboot\nshow status\nstep result\nprofile\n");
    assert!(
        output.contains("padding: 50000000000000 ticks\n> Status: Evaluating\nInternal_status: Snapshot\n")
    );
    let refusal = "> Profiling can only be done from a snapshotable state or when waiting for input.";
    assert!(output.lines().any(|line| line.starts_with(refusal)), "{output}");
}

#[test]
fn host_calls_are_tabulated() {
    let case = Case::new(&kernels::counting()).inputs(r#"[[{"external":"0102"}]]"#);
    let output = case.json().run("step inbox\nshow host calls\n");
    let calls = objects(&output)[1]["host_calls"].clone();
    let of = |name: &str| {
        let row = calls.as_array().unwrap().iter().find(|row| row["name"] == name).unwrap().clone();
        ["calls", "refused", "key_bytes", "moved_bytes", "ticks"].map(|member| row[member].as_u64().unwrap())
    };
    // Two runs: each writes the count, the first one the flag too; the first one finds nothing to read.
    assert_eq!(of("store_write"), [3, 0, 6 + 18 + 6, 8, 3 * 6 + 42 * 38]);
    assert_eq!(of("store_read"), [2, 1, 6, 4, 2 * 5 + 1 + 42 * 10]);
    assert_eq!(of("read_input"), [5, 0, 0, 2 + 42 + 3 + 2, 5 * 5 + 42 * 49]);
    assert_eq!(of("write_output"), [1, 0, 0, 2, 5]);
    assert_eq!(of("write_debug"), [2, 0, 0, 8, 10]);
}

#[test]
fn points_are_compared() {
    let case = Case::new(&kernels::counting()).inputs("[[],[]]");
    let output = case
        .run("step inbox\nmark a\nstep inbox\ndiff a\ndiff level:0 level:1\ndiff a a\ndiff b\nmark now\n");
    let shown = output.split("Collect\n").nth(2).unwrap();
    let change = "~ /count (4 bytes) 02000000 -> (4 bytes) 04000000\n";
    let expected = format!(
        "> 1 value differs between a and now:\n{change}> 1 value differs between level:0 and level:1:\n{change}\
         > No value differs between a and a\n> There is no point b\n> `now` is a point already\n> "
    );
    assert_eq!(shown, expected);
    let output = case.run("step inbox\ndiff origination\n");
    assert!(output.contains("\n+ /count (4 bytes) 02000000\n"), "{output}");
}

#[test]
fn json_is_one_object_a_command() {
    let case = Case::new(&kernels::counting()).inputs(r#"[[{"external":"0102"}]]"#).json();
    let lines = "load inputs\nshow inbox\nstep inbox\nshow outbox at level 0\nshow key /count as i32\nno such\n\
                 show durable storage\ndump function symbols\nhelp\nls /\ntime show status\n";
    let replies = objects(&case.run(lines));
    let commands: Vec<&str> = replies.iter().map(|reply| reply["command"].as_str().unwrap()).collect();
    assert_eq!(commands, lines.lines().collect::<Vec<_>>());
    assert_eq!((&replies[0]["inputs"], &replies[0]["level"]), (&1.into(), &0.into()));
    assert_eq!(replies[1]["inbox"][2]["bytes"], "010102");
    assert_eq!(
        (&replies[2]["debug"], &replies[2]["status"]),
        (&"run\nrun\n".into(), &"Waiting for input".into())
    );
    assert_eq!(replies[2]["ticks"], 100_000_000_000_000_u64);
    assert_eq!(replies[3]["outbox"][0]["bytes"], "0102");
    assert_eq!(replies[4]["value"], "2");
    assert_eq!(replies[5]["error"], "Unknown command `no such`");
    assert_eq!(replies[6]["nodes"][0]["key"], "/");
    assert_eq!(replies[7]["functions"][6]["name"], "count");
    assert!(replies[8]["help"].as_array().unwrap().len() > 10);
    assert_eq!(replies[9]["subkeys"][0], "count");
    assert!(replies[10]["took_ns"].is_u64());
}

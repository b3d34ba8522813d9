//! Variables of the environment: they are defaults of options, and errors name them.

use std::process::{Output, Stdio};

use super::{folder, text, tweetoscope};

/// Runs a command without input and with these variables.
fn run_with(args: &[&str], variables: &[(&str, &str)]) -> Output {
    let mut command = tweetoscope(args);
    let variables = variables.iter().map(|(name, value)| (format!("TWEETOSCOPE_{name}"), value));
    command.envs(variables).stdin(Stdio::null()).output().unwrap()
}

/// The error of a command that is to be refused as wrong usage.
fn refused(args: &[&str], variables: &[(&str, &str)]) -> String {
    let output = run_with(args, variables);
    let errors = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{args:?} {variables:?}: {errors}");
    errors
}

/// What a command that is to be accepted prints on stderr.
fn accepted(args: &[&str], variables: &[(&str, &str)]) -> String {
    let output = run_with(args, variables);
    let errors = text(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{args:?} {variables:?}: {errors}");
    errors
}

#[test]
fn an_error_about_a_value_names_the_variable_that_holds_it() {
    for (args, variable, value, message) in [
        (
            &["dashboard"][..],
            "TOP",
            "abc",
            "TWEETOSCOPE_TOP: invalid value 'abc' for '--top <ROWS>'",
        ),
        (&["run"], "ESTIMATOR", "x", "TWEETOSCOPE_ESTIMATOR: invalid value 'x'"),
        (&["train"], "TARGET", "x", "TWEETOSCOPE_TARGET: invalid value 'x'"),
        (&["dashboard"], "ENDED", "perhaps", "TWEETOSCOPE_ENDED: invalid value 'perhaps'"),
        (&["collect"], "WINDOWS", "10m,x", "TWEETOSCOPE_WINDOWS: invalid value 'x'"),
        // Found after the parsing.
        (&["dashboard"], "TOP", "0", "give at least 1 (set in the environment: TWEETOSCOPE_TOP)"),
        (&["log"], "SOURCES", "", "remove it (set in the environment: TWEETOSCOPE_SOURCES)"),
        (&["train"], "TREES", "0", "not 0 (set in the environment: TWEETOSCOPE_TREES)"),
        (
            &["collect", "--windows", "1h"],
            "TERMINATED",
            "5m",
            "environment: TWEETOSCOPE_TERMINATED)",
        ),
    ] {
        let errors = refused(args, &[(variable, value)]);
        assert!(errors.contains(message), "{errors}");
        // The usage is that of the command.
        assert_eq!(errors.matches("error: ").count(), usize::from(errors.contains("Usage: ")));
    }
    // The error of the command line comes first, and names no variable.
    let errors = refused(&["dashboard", "--top", "abc"], &[("TOP", "xyz"), ("ABOVE", "xyz")]);
    assert!(errors.contains("'abc'") && !errors.contains("TWEETOSCOPE"), "{errors}");
    let errors = refused(&["dashboard", "--top", "0"], &[("TOP", "5")]);
    assert!(!errors.contains("TWEETOSCOPE"), "{errors}");
    assert!(!accepted(&["dashboard", "--top", "3"], &[("TOP", "abc")]).contains("TWEETOSCOPE"));
}

#[test]
fn a_variable_that_conflicts_with_the_command_line_is_ignored() {
    for (args, variables) in [
        (&["dashboard", "--quiet"][..], &[("VERBOSE", "1")][..]),
        (&["dashboard", "-vv"], &[("QUIET", "true")]),
        (&["fit", "--until", "10m"], &[("WINDOWS", "10m")]),
        (&["fit", "--joint", "--kernel", "exp"], &[("POPULATION", "fit"), ("HELD_OUT", "0.5")]),
        // Then --resume lacks --csv.
        (
            &["fit", "--joint", "--kernel", "exp"],
            &[("RESUME", "/no/rows.csv"), ("HELD_OUT", "0.5")],
        ),
    ] {
        let errors = accepted(args, variables);
        assert!(!errors.contains("TWEETOSCOPE"), "{errors}");
    }
    // One without the option that it needs has no effect.
    accepted(&["fit"], &[("MARK_EXPONENT", "1"), ("HELD_OUT", "0.5"), ("INTERVALS", "profile")]);
    // A variable gives what an option of the command line needs, and another one what a variable needs.
    accepted(&["fit", "--held-out", "0.5"], &[("KERNEL", "exp")]);
    accepted(&["fit"], &[("HELD_OUT", "0.5"), ("KERNEL", "exp"), ("UNTIL", "1h")]);
    let errors = refused(&["fit", "--held-out", "0.5"], &[("UNTIL", "1h")]);
    assert!(errors.contains("--kernel <KERNEL>"), "{errors}");
}

#[test]
fn two_variables_that_conflict_are_both_named() {
    for (args, variables) in [
        (&["dashboard"][..], [("VERBOSE", "1"), ("QUIET", "1")]),
        (&["fit"], [("UNTIL", "10m"), ("WINDOWS", "10m")]),
        (&["run", "--no-learn"], [("PARQUET", "x"), ("CSV", "1")]),
    ] {
        let errors = refused(args, &variables);
        for (name, _) in variables {
            assert!(errors.contains(&format!("TWEETOSCOPE_{name}")), "{errors}");
        }
        assert!(errors.contains("unset one of them"), "{errors}");
    }
}

#[test]
fn a_variable_that_no_command_has_is_reported_once_with_the_nearest_name() {
    let errors =
        accepted(&["dashboard"], &[("TOPP", "3"), ("NOTHING_LIKE_THIS", "1"), ("TREES", "5")]);
    let unknown = "TWEETOSCOPE_TOPP is not an option of any command; did you mean TWEETOSCOPE_TOP?";
    assert_eq!(errors.matches(unknown).count(), 1, "{errors}");
    assert!(errors.contains("TWEETOSCOPE_NOTHING_LIKE_THIS is not an option of any"), "{errors}");
    assert!(!errors.contains("TREES"), "{errors}");
    // Where the log is JSON, so is the warning.
    let errors = accepted(&["dashboard", "--log-format", "json"], &[("TOPP", "3")]);
    assert!(errors.lines().all(|line| line.starts_with('{')), "{errors}");
    assert!(errors.contains("\"level\":\"WARNING\"") && errors.contains("TWEETOSCOPE_TOPP"));
    let logs = folder("unknown-variables").display().to_string();
    accepted(&["fit", "--log-dir", &logs], &[("TOPP", "3")]);
}

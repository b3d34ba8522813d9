//! What has no effect on the output is counted and reported once.

use super::{run, text};

/// Parameters, a size and a sample of a cascade, without features.
fn parameters(cid: &str) -> String {
    format!(
        r#"{{"type":"parameters","cid":"{cid}","t":700,"T_obs":600,"n_obs":32,"n_supp":8,"params":[0.01,0.001]}}"#
    )
}

fn size(cid: &str, n_tot: u64) -> String {
    format!(r#"{{"type":"size","cid":"{cid}","t":5000,"T_obs":600,"n_tot":{n_tot},"t_end":900}}"#)
}

fn sample(cid: &str, sizes: &str) -> String {
    format!(r#"{{"type":"sample","cid":"{cid}","T_obs":600,"X":[0.001,0.5,10],"W":0.8{sizes}}}"#)
}

#[test]
fn a_learner_leaves_out_samples_without_sizes_and_counts_them() {
    let sizes = [r#","n_obs":10,"n_tot":30"#, r#","n_obs":10"#, r#","n_obs":10,"n_tot":9"#, ""];
    let lines: Vec<String> = sizes.iter().map(|sizes| sample("a", sizes)).collect();
    for drift in [&[][..], &["--on-drift"]] {
        let output = run(&[&["train"], drift].concat(), lines.join("\n").as_bytes());
        let said = text(&output.stderr);
        assert!(said.contains("3 samples were left out"), "{said}");
        assert_eq!(text(&output.stdout).lines().count(), 1, "a model of one sample");
        assert_eq!(output.status.code(), Some(0));
    }
    let output = run(&["train"], lines[0].as_bytes());
    assert!(!text(&output.stderr).contains("left out"));
}

#[test]
fn a_model_record_that_is_altered_is_refused_with_its_reason_and_the_other_records_are_processed() {
    let altered = r#"{"type":"model","format":999,"model":"600-1","T_obs":600}"#;
    let input = [altered, &parameters("a"), &sample("a", r#","n_obs":10,"n_tot":30"#)].join("\n");
    for command in ["predict", "train", "run"] {
        let output = run(&[command], input.as_bytes());
        let said = text(&output.stderr);
        assert!(said.contains("model format 999"), "{command}: {said}");
        assert_eq!(output.status.code(), Some(1), "{command}: {said}");
    }
    let output = run(&["predict"], input.as_bytes());
    assert!(text(&output.stdout).contains(r#""type":"alert""#));
}

#[test]
fn a_predictor_reports_records_without_effect_once() {
    let said = |lines: &[String], limit: &str| {
        let output = run(&["predict", "--max-pending", limit], lines.join("\n").as_bytes());
        assert_eq!(output.status.code(), Some(0));
        text(&output.stderr)
    };
    let lines = [
        parameters("a"),
        parameters("a"),
        size("a", 3),
        size("b", 50),
        size("b", 50),
        size("c", 50),
    ];
    let all = said(&lines, "100");
    for (count, problem) in [
        (1, "sizes are below the observed number"),
        (1, "parameters are of a cascade and window that is predicted already"),
        (1, "sizes are of a cascade and window that has one"),
        (2, "sizes have no parameters of the same source"),
    ] {
        assert_eq!(all.matches(&format!("{count} {problem}")).count(), 1, "{problem}: {all}");
    }
    assert!(!all.contains("evicted"), "{all}");
    let two = said(&[parameters("a"), parameters("b"), parameters("c")], "1");
    assert!(two.contains("2 predictions and sizes were evicted"), "{two}");
    assert_eq!(said(&[parameters("a"), size("a", 50)], "1"), "");
}

#[test]
fn constants_of_the_growth_law_are_finite() {
    for constants in ["nan,0,0,0,0,0", "0,0,0,0,0,inf"] {
        let args = ["run", "--folds", "2", "--simulate", "4", "--growth-law", constants];
        let output = run(&args, b"");
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains("--growth-law needs finite numbers"), "{said}");
    }
}

//! The hand-written part of the help of each command: formats, examples and related commands.
//!
//! `--help` prints it after the options; `generated.rs` writes it to the man pages and to
//! `docs/commands/`. A test runs the examples (`tests/docs.rs`).

mod page;

pub(crate) use self::page::Page;

/// The page of a command.
pub(crate) fn of(command: &str) -> Option<&'static Page> {
    PAGES.iter().find(|page| page.command == command)
}

/// The pages, in the order of the commands.
pub(crate) const PAGES: [Page; 10] = [
    Page {
        command: "",
        formats: &[
            (
                "Reads",
                "records as JSON lines from files or stdin, plain, gzip or zstd, or from topics",
            ),
            ("Writes", "records as JSON lines to stdout, or to topics; messages to stderr"),
        ],
        examples: &[
            (
                "Run the whole system on past cascades",
                "tweetoscope run --history history.jsonl.gz >predictions.jsonl",
            ),
            (
                "The same stages as a pipeline",
                "tweetoscope collect tweets.jsonl | tweetoscope fit | tweetoscope predict",
            ),
        ],
        see_also: &[
            "generate",
            "collect",
            "fit",
            "predict",
            "train",
            "monitor",
            "run",
            "dashboard",
            "log",
        ],
    },
    Page {
        command: "generate",
        formats: &[
            (
                "Reads",
                "history lines (JSON), CSV tables of events, posts of X, Bluesky and Mastodon, \
                 Weibo cascades, or a CSV table with an index; plain, gzip or zstd",
            ),
            ("Writes", "tweet, retweet and watermark records"),
        ],
        examples: &[
            (
                "Replay recorded cascades in the order of event time",
                "tweetoscope generate --history history.jsonl.gz >tweets.jsonl",
            ),
            (
                "Replay a CSV table whose times are in minutes",
                "tweetoscope generate --data events.csv --seconds-per-unit 60 >tweets.jsonl",
            ),
            (
                "Replay posts that were collected with the API v2, at their own times",
                "tweetoscope generate posts.jsonl >tweets.jsonl",
            ),
            (
                "Convert a stream as it arrives",
                "tweetoscope generate --format jetstream - | tweetoscope collect",
            ),
            (
                "Simulate 1000 cascades of different infectiousness",
                "tweetoscope generate --simulate 1000 --p 0.005..0.02 --seed 7 >tweets.jsonl",
            ),
            (
                "Write to Kafka, an hour of event time per second",
                "tweetoscope generate --kafka --history history.jsonl.gz --speed 3600",
            ),
            (
                "The same, and continue after an interruption when it is started again",
                "tweetoscope generate --kafka --history past.jsonl --transactional-id replay-1",
            ),
        ],
        see_also: &["collect", "run"],
    },
    Page {
        command: "collect",
        formats: &[
            ("Reads", "tweet, retweet and watermark records"),
            (
                "Writes",
                "a serie record for each cascade and window, and a size record for each emitted \
                 window when the cascade has terminated",
            ),
        ],
        examples: &[
            (
                "Emit the windows of 10 minutes and 1 hour, and final sizes after a silent day",
                "tweetoscope collect --windows 10m,1h --terminated 1d tweets.jsonl >series.jsonl",
            ),
            (
                "Include small cascades of a simulation",
                "tweetoscope generate --simulate 100 | tweetoscope collect --min-size 3",
            ),
            (
                "Read and write Kafka topics",
                "tweetoscope collect --kafka --create-topics --windows 10m,1h --terminated 1d",
            ),
        ],
        see_also: &["generate", "fit"],
    },
    Page {
        command: "fit",
        formats: &[
            (
                "Reads",
                "serie records and history lines (JSON), or the tables and posts that generate \
                 reads",
            ),
            ("Writes", "a parameters record for each of them"),
            (
                "--csv",
                "the columns cid, T_obs, n_obs, p, beta, n_star, G1, n_supp, log_likelihood, \
                 status, se_p, se_beta, ks and ks_p; with --kernel also those of kernel_fit",
            ),
        ],
        examples: &[
            ("Fit the output of collect", "tweetoscope fit series.jsonl >parameters.jsonl"),
            (
                "Tabulate the fits of past cascades after 1 hour and after 6 hours",
                "tweetoscope fit --csv --windows 1h,6h history.jsonl.gz >fits.csv",
            ),
            (
                "Select a kernel for each cascade by AIC",
                "tweetoscope fit --csv --until 1h --kernel best history.jsonl.gz >kernels.csv",
            ),
            ("Fit a table of events", "tweetoscope fit --csv --windows 1h events.csv >fits.csv"),
            ("Read and write Kafka topics", "tweetoscope fit --kafka --create-topics"),
        ],
        see_also: &["collect", "predict"],
    },
    Page {
        command: "predict",
        formats: &[
            (
                "Reads",
                "parameters and size records, or with --now cascades in any format of fit and tweet \
                 and retweet records; model files from --models",
            ),
            (
                "Writes",
                "an alert record for each prediction; a sample and a stat record when the final \
                 size is known",
            ),
            ("--csv", "the columns cid, T_obs, n_obs, n_pred, low, high, model and method"),
        ],
        examples: &[
            ("Predict without models", "tweetoscope predict parameters.jsonl >predictions.jsonl"),
            (
                "Predict with the models of a folder, and emit only predictions above 1000 events",
                "tweetoscope predict --models models --alert-above 1000 parameters.jsonl",
            ),
            (
                "Predict cascades that still grow, at their present age, as CSV",
                "tweetoscope predict --now --models models --csv history.jsonl.gz",
            ),
            (
                "Read and write Kafka topics, with growth curves for the dashboard",
                "tweetoscope predict --kafka --create-topics --curve",
            ),
        ],
        see_also: &["fit", "train", "monitor", "dashboard"],
    },
    Page {
        command: "train",
        formats: &[
            (
                "Reads",
                "sample records, or the cascades that generate reads; model files from --models",
            ),
            ("Writes", "model records to stdout, or one file VERSION.json per model to --models"),
        ],
        examples: &[
            (
                "Train from the output of predict, and store the models in a folder",
                "tweetoscope train --models models predictions.jsonl >predictions-passed.jsonl",
            ),
            (
                "Write the models to stdout, from the newest 5000 samples of each window",
                "tweetoscope train --newest 5000 --seed 7 predictions.jsonl >models.jsonl",
            ),
            (
                "Train from past cascades",
                "tweetoscope train --history history.jsonl.gz --windows 10m,1h --models models",
            ),
            ("Read and write Kafka topics", "tweetoscope train --kafka --create-topics"),
        ],
        see_also: &["predict", "run"],
    },
    Page {
        command: "monitor",
        formats: &[
            (
                "Reads",
                "stat records; on a pipe also alert records, which do not pass through, for the event time of their \
                 sources in the metrics",
            ),
            ("Writes", "report records"),
            (
                "--csv",
                "the columns T_obs, scored, mean_ARE, median_ARE, last_mean_ARE, last_median_ARE, \
                 bias, covered, last_covered, level, skill_no_growth, skill_median_ratio, \
                 skill_log_linear, top_hits, verdict, untrained, untrained_mean_ARE, trained_mean_ARE, compared and \
                 finished",
            ),
        ],
        examples: &[
            (
                "Print one row of CSV per window at the end of the input",
                "tweetoscope monitor --every 0 --csv predictions.jsonl",
            ),
            (
                "Exit with status 3 if the last predictions of a window have a mean error above 2",
                "tweetoscope monitor --fail-above 2 predictions.jsonl >reports.jsonl",
            ),
            ("Show the errors of running services", "tweetoscope monitor --kafka"),
        ],
        see_also: &["predict", "dashboard", "run"],
    },
    Page {
        command: "run",
        formats: &[
            (
                "Reads",
                "tweet, retweet and watermark records, posts as they arrive, or the cascades that \
                 generate reads; model files from --models",
            ),
            (
                "Writes",
                "alert and stat records, and other records unchanged, to stdout; a table of errors \
                 to stderr; with --models, model files",
            ),
            ("--csv", "the columns cid, T_obs, n_obs, n_pred, low, high, model and method"),
            ("--folds", "a table of errors per window and method, with --csv as CSV"),
        ],
        examples: &[
            (
                "Predict, train and score on past cascades",
                "tweetoscope run --history history.jsonl.gz --terminated 1d >predictions.jsonl",
            ),
            (
                "Continue with the models of earlier runs, on tweets",
                "tweetoscope run --models models --windows 10m,1h --terminated 1d tweets.jsonl",
            ),
            (
                "Compare all methods by cross-validation in five folds",
                "tweetoscope run --history history.jsonl.gz --folds 5 --windows 10m,1h --csv",
            ),
            (
                "Predict, and write a report of all methods in time order",
                "tweetoscope run --history history.jsonl.gz --windows 1h --report report.html",
            ),
        ],
        see_also: &["generate", "collect", "fit", "predict", "train", "monitor"],
    },
    Page {
        command: "dashboard",
        formats: &[
            ("Reads", "alert, tweet, retweet, serie, size and stat records"),
            ("Writes", "a live view in the terminal, a web page, or a table of text; no records"),
        ],
        examples: &[
            (
                "Print the 20 largest predictions of a recording, in which all cascades are over",
                "tweetoscope dashboard --top 20 --ended predictions.jsonl | cat",
            ),
            (
                "Serve a page at http://127.0.0.1:8088/",
                "tweetoscope dashboard --http 8088 --ended predictions.jsonl",
            ),
            ("Follow running services in the terminal", "tweetoscope dashboard --kafka"),
        ],
        see_also: &["predict", "monitor"],
    },
    Page {
        command: "log",
        formats: &[
            ("Reads", "log records (JSON), and the text logs of --log-dir, plain, gzip or zstd"),
            ("Writes", "columns of text, or log records with --json"),
        ],
        examples: &[
            (
                "Print the warnings and errors of all stages",
                "tweetoscope log --levels warning,error,critical logs",
            ),
            (
                "Follow two stages, across rotations of their files",
                "tweetoscope log --follow --sources collect,fit logs",
            ),
            ("Store the log of services in rotating files", "tweetoscope log --kafka --into logs"),
        ],
        see_also: &["monitor", "dashboard"],
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_help_of_every_page_fits_an_80_column_terminal() {
        for page in &PAGES {
            for line in page.help().lines() {
                assert!(line.chars().count() <= 84, "{}: {line}", page.command);
            }
        }
    }
}

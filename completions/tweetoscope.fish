# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_tweetoscope_global_optspecs
    string join \n h/help V/version
end

function __fish_tweetoscope_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_tweetoscope_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_tweetoscope_using_subcommand
    set -l cmd (__fish_tweetoscope_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c tweetoscope -n "__fish_tweetoscope_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c tweetoscope -n "__fish_tweetoscope_needs_command" -s V -l version -d 'Print version'
complete -c tweetoscope -n "__fish_tweetoscope_needs_command" -f -a "generate" -d 'Replay or simulate tweets'
complete -c tweetoscope -n "__fish_tweetoscope_needs_command" -f -a "collect" -d 'Group tweets into cascades; emit each one\'s first seconds, later its final size'
complete -c tweetoscope -n "__fish_tweetoscope_needs_command" -f -a "fit" -d 'Fit a marked Hawkes process to every cascade observed'
complete -c tweetoscope -n "__fish_tweetoscope_needs_command" -f -a "predict" -d 'Predict the final size of every cascade fitted, and score the prediction later'
complete -c tweetoscope -n "__fish_tweetoscope_needs_command" -f -a "train" -d 'Learn the correction of each window from finished cascades'
complete -c tweetoscope -n "__fish_tweetoscope_needs_command" -f -a "monitor" -d 'Watch whether the predictions still hold'
complete -c tweetoscope -n "__fish_tweetoscope_needs_command" -f -a "run" -d 'Run the whole system in one process'
complete -c tweetoscope -n "__fish_tweetoscope_needs_command" -f -a "dashboard" -d 'Show the hottest cascades, live: in the terminal, or as a page with --http'
complete -c tweetoscope -n "__fish_tweetoscope_needs_command" -f -a "log" -d 'Show the logs of all stages in one, by time: filtered, in colour, or into rotating files'
complete -c tweetoscope -n "__fish_tweetoscope_needs_command" -f -a "healthy" -d 'Ask whether the process that serves on an address is healthy'
complete -c tweetoscope -n "__fish_tweetoscope_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand generate" -l history -d 'Replay the cascades of these files: JSON lines, plain or gzip' -r -F
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand generate" -l data -d 'Replay the cascades of this CSV: with --index rows of a pair, else a table with cid, t' -r -F
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand generate" -l index -d 'First and last row of each cascade in --data' -r -F
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand generate" -l simulate -d 'Simulate this many cascades' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand generate" -l p -d 'Simulate with this infectiousness, or one from a range LOW..HIGH' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand generate" -l beta -d 'Simulate with this decay in 1/s, or one from a range LOW..HIGH' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand generate" -l first-mark -d 'Give the initial tweet this magnitude' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand generate" -l seed -d 'Seed of all chance' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand generate" -l sources -d 'Deal the cascades to this many sources' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand generate" -l live -d 'Keep this many cascades of a source going at once' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand generate" -l start-range -d 'Begin a cascade up to this long after the one that it follows is over' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand generate" -l timeline -d 'Replay at the true times (real), shuffled and dealt (dealt), or as the history allows' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand generate" -l tail -d 'End a source with a watermark this long after its last event' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand generate" -l seconds-per-unit -d 'Take the times of the cascades in units of this many seconds' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand generate" -l limit -d 'Stop after this many events, without watermarks' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand generate" -l params -d 'Take defaults from a params.config of the original system' -r -F
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand generate" -l marks -d 'Simulate with magnitudes of this law' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand generate" -l speed -d 'Replay this many event seconds in a second (default: as fast as possible)' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand generate" -l dead-letter -d 'Append refused records to FILE, each with its place and the reason, as JSON lines; with --kafka FILE is the name of a topic, written in the transaction of the output' -r -F
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand generate" -l max-line -d 'Refuse longer lines, in bytes; tweets are refused above 1 MiB in any case' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand generate" -l log-dir -d 'Also write the log, from INFO, to DIR/COMMAND.log; the file is rotated at 10 MiB or after a day, and the ten newest rotated files are kept, compressed with gzip' -r -F
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand generate" -l log-format -d 'Format of the log on stderr and in files' -r -f -a "text\t'One line of text per message'
json\t'One JSON object per message, as in the logs topic'"
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand generate" -l http -d 'Serve /metrics, /healthz and /readyz on ADDR, a HOST:PORT such as 0.0.0.0:9100; a port alone listens on 127.0.0.1' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand generate" -l http-host -d 'Accept HTTP requests for these host names too, separated by commas (default: localhost and IP addresses)' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand generate" -l metrics-textfile -d 'Write the metrics to FILE at the end, for the textfile collector of node_exporter' -r -F
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand generate" -s b -l brokers -d 'Connect to these brokers (host:port, separated by commas; default localhost:9092)' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand generate" -s X -d 'Set a property of librdkafka, such as sasl.mechanism=PLAIN; may be repeated' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand generate" -s F -d 'Read such properties from FILE, one a line: the place for secrets; -X wins' -r -F
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand generate" -l group -d 'Be a member of this consumer group (default tweetoscope-COMMAND)' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand generate" -l transactional-id -d 'Be known by this name over restarts, each instance by its own: a restart then takes over at once (default: group, host and process)' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand generate" -l topic -d 'Call the topic of a kind of records NAME; may be repeated' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand generate" -l partitions -d 'Create topics with this many partitions: as many instances can share the work' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand generate" -l replication -d 'Create topics with this many copies (default: the broker\'s)' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand generate" -l from -d 'Begin here where the group never was: with the earliest record there is, or the latest' -r -f -a "earliest\t'With the earliest record'
latest\t'With the latest record'"
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand generate" -l wait -d 'Give up (exit status 75) when no broker answered for this long' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand generate" -l tick -d 'Commit after this much work' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand generate" -l max-replay -d 'Keep a recovery to about this many records by writing long cascades to collect_state' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand generate" -l exact-times -d 'Keep fractions of seconds'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand generate" -l dry-run -d 'Check the options and the files, then exit without reading records'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand generate" -s v -l verbose -d 'Log more on stderr: -v from INFO, -vv from DEBUG (default: from WARNING)'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand generate" -s q -l quiet -d 'Log errors only on stderr'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand generate" -l kafka -d 'Read and write Kafka topics, exactly once, until told to stop'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand generate" -l create-topics -d 'Create the topics that are missing'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand generate" -l exit-eof -d 'End when all partitions are read'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand generate" -l at-least-once -d 'Work without transactions: a crash may repeat output'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand generate" -l log-topic -d 'Send the log, from INFO up, to the topic of logs too'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand generate" -l without-replay -d 'Forget all state at a restart: for the test that must see it'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand generate" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand generate" -s V -l version -d 'Print version'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand collect" -l windows -d 'Observe cascades for these times, ascending' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand collect" -l terminated -d 'Call a cascade over when it was silent for this time' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand collect" -l min-size -d 'Emit a window only if it holds this many events' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand collect" -l lateness -d 'Keep the clock this far behind the latest event, for events that come late' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand collect" -l max-age -d 'Call a cascade over at this age, whatever happens (default 7d; 1d with --kafka)' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand collect" -l at-end -d 'Treat the end of the input as the end of all cascades, or as a cut that says nothing' -r -f -a "terminate\t'The input is complete: every cascade is over'
drop\t'The input was cut: say nothing more'"
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand collect" -l max-open-cascades -d 'Open at most this many cascades of a source; tweets beyond are counted and dropped' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand collect" -l max-events-per-cascade -d 'Keep at most this many events of a cascade; later ones count in its size alone' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand collect" -l max-sources -d 'Follow at most this many sources; records of others are counted and dropped' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand collect" -l params -d 'Take defaults from a collector.ini of the original system' -r -F
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand collect" -l dead-letter -d 'Append refused records to FILE, each with its place and the reason, as JSON lines; with --kafka FILE is the name of a topic, written in the transaction of the output' -r -F
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand collect" -l max-line -d 'Refuse longer lines, in bytes; tweets are refused above 1 MiB in any case' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand collect" -l log-dir -d 'Also write the log, from INFO, to DIR/COMMAND.log; the file is rotated at 10 MiB or after a day, and the ten newest rotated files are kept, compressed with gzip' -r -F
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand collect" -l log-format -d 'Format of the log on stderr and in files' -r -f -a "text\t'One line of text per message'
json\t'One JSON object per message, as in the logs topic'"
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand collect" -l http -d 'Serve /metrics, /healthz and /readyz on ADDR, a HOST:PORT such as 0.0.0.0:9100; a port alone listens on 127.0.0.1' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand collect" -l http-host -d 'Accept HTTP requests for these host names too, separated by commas (default: localhost and IP addresses)' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand collect" -l metrics-textfile -d 'Write the metrics to FILE at the end, for the textfile collector of node_exporter' -r -F
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand collect" -s b -l brokers -d 'Connect to these brokers (host:port, separated by commas; default localhost:9092)' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand collect" -s X -d 'Set a property of librdkafka, such as sasl.mechanism=PLAIN; may be repeated' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand collect" -s F -d 'Read such properties from FILE, one a line: the place for secrets; -X wins' -r -F
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand collect" -l group -d 'Be a member of this consumer group (default tweetoscope-COMMAND)' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand collect" -l transactional-id -d 'Be known by this name over restarts, each instance by its own: a restart then takes over at once (default: group, host and process)' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand collect" -l topic -d 'Call the topic of a kind of records NAME; may be repeated' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand collect" -l partitions -d 'Create topics with this many partitions: as many instances can share the work' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand collect" -l replication -d 'Create topics with this many copies (default: the broker\'s)' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand collect" -l from -d 'Begin here where the group never was: with the earliest record there is, or the latest' -r -f -a "earliest\t'With the earliest record'
latest\t'With the latest record'"
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand collect" -l wait -d 'Give up (exit status 75) when no broker answered for this long' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand collect" -l tick -d 'Commit after this much work' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand collect" -l max-replay -d 'Keep a recovery to about this many records by writing long cascades to collect_state' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand collect" -l dry-run -d 'Check the options and the files, then exit without reading records'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand collect" -s v -l verbose -d 'Log more on stderr: -v from INFO, -vv from DEBUG (default: from WARNING)'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand collect" -s q -l quiet -d 'Log errors only on stderr'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand collect" -l kafka -d 'Read and write Kafka topics, exactly once, until told to stop'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand collect" -l create-topics -d 'Create the topics that are missing'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand collect" -l exit-eof -d 'End when all partitions are read'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand collect" -l at-least-once -d 'Work without transactions: a crash may repeat output'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand collect" -l log-topic -d 'Send the log, from INFO up, to the topic of logs too'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand collect" -l without-replay -d 'Forget all state at a restart: for the test that must see it'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand collect" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand collect" -s V -l version -d 'Print version'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand fit" -l estimator -d 'Find the parameters by map (with the usual prior), mle, or predict by seismic' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand fit" -l marks -d 'Law of the magnitudes: data, mean:X, pareto:ALPHA,MINIMUM, or file:HISTORY for its mean' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand fit" -l utc-offset -d 'Hours that the local clock is ahead of UTC, where times are Unix times' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand fit" -l threads -d 'Work on this many threads (default: one a core); the output does not depend on it' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand fit" -l windows -d 'Cut history lines at these times after the first event' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand fit" -l until -d 'Cut history lines at this time after the first event (default: at the last event)' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand fit" -l dead-letter -d 'Append refused records to FILE, each with its place and the reason, as JSON lines; with --kafka FILE is the name of a topic, written in the transaction of the output' -r -F
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand fit" -l max-line -d 'Refuse longer lines, in bytes; tweets are refused above 1 MiB in any case' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand fit" -l log-dir -d 'Also write the log, from INFO, to DIR/COMMAND.log; the file is rotated at 10 MiB or after a day, and the ten newest rotated files are kept, compressed with gzip' -r -F
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand fit" -l log-format -d 'Format of the log on stderr and in files' -r -f -a "text\t'One line of text per message'
json\t'One JSON object per message, as in the logs topic'"
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand fit" -l http -d 'Serve /metrics, /healthz and /readyz on ADDR, a HOST:PORT such as 0.0.0.0:9100; a port alone listens on 127.0.0.1' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand fit" -l http-host -d 'Accept HTTP requests for these host names too, separated by commas (default: localhost and IP addresses)' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand fit" -l metrics-textfile -d 'Write the metrics to FILE at the end, for the textfile collector of node_exporter' -r -F
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand fit" -s b -l brokers -d 'Connect to these brokers (host:port, separated by commas; default localhost:9092)' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand fit" -s X -d 'Set a property of librdkafka, such as sasl.mechanism=PLAIN; may be repeated' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand fit" -s F -d 'Read such properties from FILE, one a line: the place for secrets; -X wins' -r -F
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand fit" -l group -d 'Be a member of this consumer group (default tweetoscope-COMMAND)' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand fit" -l transactional-id -d 'Be known by this name over restarts, each instance by its own: a restart then takes over at once (default: group, host and process)' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand fit" -l topic -d 'Call the topic of a kind of records NAME; may be repeated' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand fit" -l partitions -d 'Create topics with this many partitions: as many instances can share the work' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand fit" -l replication -d 'Create topics with this many copies (default: the broker\'s)' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand fit" -l from -d 'Begin here where the group never was: with the earliest record there is, or the latest' -r -f -a "earliest\t'With the earliest record'
latest\t'With the latest record'"
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand fit" -l wait -d 'Give up (exit status 75) when no broker answered for this long' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand fit" -l tick -d 'Commit after this much work' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand fit" -l max-replay -d 'Keep a recovery to about this many records by writing long cascades to collect_state' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand fit" -l csv -d 'Write a table: cid,T_obs,n_obs,p,beta,n_star,G1,n_supp,log_likelihood,status'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand fit" -l dry-run -d 'Check the options and the files, then exit without reading records'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand fit" -s v -l verbose -d 'Log more on stderr: -v from INFO, -vv from DEBUG (default: from WARNING)'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand fit" -s q -l quiet -d 'Log errors only on stderr'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand fit" -l kafka -d 'Read and write Kafka topics, exactly once, until told to stop'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand fit" -l create-topics -d 'Create the topics that are missing'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand fit" -l exit-eof -d 'End when all partitions are read'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand fit" -l at-least-once -d 'Work without transactions: a crash may repeat output'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand fit" -l log-topic -d 'Send the log, from INFO up, to the topic of logs too'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand fit" -l without-replay -d 'Forget all state at a restart: for the test that must see it'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand fit" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand fit" -s V -l version -d 'Print version'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand predict" -l level -d 'Nominal probability that the interval holds the final size' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand predict" -l alert-above -d 'Tell only predictions above this size, with the probability to pass it (default: all)' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand predict" -l max-pending -d 'Let at most this many predictions wait for their sizes; the oldest go first' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand predict" -l pin -d 'Use this version of its window\'s model whatever is newer; may be repeated' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand predict" -l models -d 'Read models from this folder, and newer ones when they appear' -r -F
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand predict" -l dead-letter -d 'Append refused records to FILE, each with its place and the reason, as JSON lines; with --kafka FILE is the name of a topic, written in the transaction of the output' -r -F
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand predict" -l max-line -d 'Refuse longer lines, in bytes; tweets are refused above 1 MiB in any case' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand predict" -l log-dir -d 'Also write the log, from INFO, to DIR/COMMAND.log; the file is rotated at 10 MiB or after a day, and the ten newest rotated files are kept, compressed with gzip' -r -F
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand predict" -l log-format -d 'Format of the log on stderr and in files' -r -f -a "text\t'One line of text per message'
json\t'One JSON object per message, as in the logs topic'"
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand predict" -l http -d 'Serve /metrics, /healthz and /readyz on ADDR, a HOST:PORT such as 0.0.0.0:9100; a port alone listens on 127.0.0.1' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand predict" -l http-host -d 'Accept HTTP requests for these host names too, separated by commas (default: localhost and IP addresses)' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand predict" -l metrics-textfile -d 'Write the metrics to FILE at the end, for the textfile collector of node_exporter' -r -F
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand predict" -s b -l brokers -d 'Connect to these brokers (host:port, separated by commas; default localhost:9092)' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand predict" -s X -d 'Set a property of librdkafka, such as sasl.mechanism=PLAIN; may be repeated' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand predict" -s F -d 'Read such properties from FILE, one a line: the place for secrets; -X wins' -r -F
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand predict" -l group -d 'Be a member of this consumer group (default tweetoscope-COMMAND)' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand predict" -l transactional-id -d 'Be known by this name over restarts, each instance by its own: a restart then takes over at once (default: group, host and process)' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand predict" -l topic -d 'Call the topic of a kind of records NAME; may be repeated' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand predict" -l partitions -d 'Create topics with this many partitions: as many instances can share the work' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand predict" -l replication -d 'Create topics with this many copies (default: the broker\'s)' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand predict" -l from -d 'Begin here where the group never was: with the earliest record there is, or the latest' -r -f -a "earliest\t'With the earliest record'
latest\t'With the latest record'"
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand predict" -l wait -d 'Give up (exit status 75) when no broker answered for this long' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand predict" -l tick -d 'Commit after this much work' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand predict" -l max-replay -d 'Keep a recovery to about this many records by writing long cascades to collect_state' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand predict" -l curve -d 'Tell the expected growth after the window too, as pairs [seconds after its end, events]'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand predict" -l dry-run -d 'Check the options and the files, then exit without reading records'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand predict" -s v -l verbose -d 'Log more on stderr: -v from INFO, -vv from DEBUG (default: from WARNING)'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand predict" -s q -l quiet -d 'Log errors only on stderr'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand predict" -l kafka -d 'Read and write Kafka topics, exactly once, until told to stop'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand predict" -l create-topics -d 'Create the topics that are missing'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand predict" -l exit-eof -d 'End when all partitions are read'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand predict" -l at-least-once -d 'Work without transactions: a crash may repeat output'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand predict" -l log-topic -d 'Send the log, from INFO up, to the topic of logs too'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand predict" -l without-replay -d 'Forget all state at a restart: for the test that must see it'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand predict" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand predict" -s V -l version -d 'Print version'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand train" -l newest -d 'Learn from at most this many samples of a window, the newest' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand train" -l trees -d 'Grow this many trees' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand train" -l target -d 'Learn the growth, or omega as the original system does; a median ratio or a log-linear law takes its place while that has the smaller error on held-out samples' -r -f -a "log-ratio\t'ln(N/n), from all features'
omega\t'omega, from beta, n* and G1'"
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand train" -l aggregate -d 'Answer with the median that minimises the mean relative error, the median, or the mean' -r -f -a "relative-median\t'The median weighted by 1/N'
median\t'The median'
mean\t'The mean of the logarithm'"
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand train" -l models -d 'Keep models in this folder' -r -F
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand train" -l seed -d 'Seed of all chance' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand train" -l threads -d 'Work on this many threads (default: one a core); the models do not depend on it' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand train" -l dead-letter -d 'Append refused records to FILE, each with its place and the reason, as JSON lines; with --kafka FILE is the name of a topic, written in the transaction of the output' -r -F
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand train" -l max-line -d 'Refuse longer lines, in bytes; tweets are refused above 1 MiB in any case' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand train" -l log-dir -d 'Also write the log, from INFO, to DIR/COMMAND.log; the file is rotated at 10 MiB or after a day, and the ten newest rotated files are kept, compressed with gzip' -r -F
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand train" -l log-format -d 'Format of the log on stderr and in files' -r -f -a "text\t'One line of text per message'
json\t'One JSON object per message, as in the logs topic'"
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand train" -l http -d 'Serve /metrics, /healthz and /readyz on ADDR, a HOST:PORT such as 0.0.0.0:9100; a port alone listens on 127.0.0.1' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand train" -l http-host -d 'Accept HTTP requests for these host names too, separated by commas (default: localhost and IP addresses)' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand train" -l metrics-textfile -d 'Write the metrics to FILE at the end, for the textfile collector of node_exporter' -r -F
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand train" -s b -l brokers -d 'Connect to these brokers (host:port, separated by commas; default localhost:9092)' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand train" -s X -d 'Set a property of librdkafka, such as sasl.mechanism=PLAIN; may be repeated' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand train" -s F -d 'Read such properties from FILE, one a line: the place for secrets; -X wins' -r -F
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand train" -l group -d 'Be a member of this consumer group (default tweetoscope-COMMAND)' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand train" -l transactional-id -d 'Be known by this name over restarts, each instance by its own: a restart then takes over at once (default: group, host and process)' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand train" -l topic -d 'Call the topic of a kind of records NAME; may be repeated' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand train" -l partitions -d 'Create topics with this many partitions: as many instances can share the work' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand train" -l replication -d 'Create topics with this many copies (default: the broker\'s)' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand train" -l from -d 'Begin here where the group never was: with the earliest record there is, or the latest' -r -f -a "earliest\t'With the earliest record'
latest\t'With the latest record'"
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand train" -l wait -d 'Give up (exit status 75) when no broker answered for this long' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand train" -l tick -d 'Commit after this much work' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand train" -l max-replay -d 'Keep a recovery to about this many records by writing long cascades to collect_state' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand train" -l dry-run -d 'Check the options and the files, then exit without reading records'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand train" -s v -l verbose -d 'Log more on stderr: -v from INFO, -vv from DEBUG (default: from WARNING)'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand train" -s q -l quiet -d 'Log errors only on stderr'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand train" -l kafka -d 'Read and write Kafka topics, exactly once, until told to stop'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand train" -l create-topics -d 'Create the topics that are missing'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand train" -l exit-eof -d 'End when all partitions are read'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand train" -l at-least-once -d 'Work without transactions: a crash may repeat output'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand train" -l log-topic -d 'Send the log, from INFO up, to the topic of logs too'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand train" -l without-replay -d 'Forget all state at a restart: for the test that must see it'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand train" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand train" -s V -l version -d 'Print version'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand monitor" -l every -d 'Report after this many stats of a window; 0 reports only at the end' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand monitor" -l last -d 'Sum up the last N stats beside all' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand monitor" -l fail-above -d 'Exit with status 3 if a window\'s mean error of the last stats is above this at the end' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand monitor" -l dead-letter -d 'Append refused records to FILE, each with its place and the reason, as JSON lines; with --kafka FILE is the name of a topic, written in the transaction of the output' -r -F
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand monitor" -l max-line -d 'Refuse longer lines, in bytes; tweets are refused above 1 MiB in any case' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand monitor" -l log-dir -d 'Also write the log, from INFO, to DIR/COMMAND.log; the file is rotated at 10 MiB or after a day, and the ten newest rotated files are kept, compressed with gzip' -r -F
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand monitor" -l log-format -d 'Format of the log on stderr and in files' -r -f -a "text\t'One line of text per message'
json\t'One JSON object per message, as in the logs topic'"
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand monitor" -l http -d 'Serve /metrics, /healthz and /readyz on ADDR, a HOST:PORT such as 0.0.0.0:9100; a port alone listens on 127.0.0.1' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand monitor" -l http-host -d 'Accept HTTP requests for these host names too, separated by commas (default: localhost and IP addresses)' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand monitor" -l metrics-textfile -d 'Write the metrics to FILE at the end, for the textfile collector of node_exporter' -r -F
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand monitor" -s b -l brokers -d 'Connect to these brokers (host:port, separated by commas; default localhost:9092)' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand monitor" -s X -d 'Set a property of librdkafka, such as sasl.mechanism=PLAIN; may be repeated' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand monitor" -s F -d 'Read such properties from FILE, one a line: the place for secrets; -X wins' -r -F
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand monitor" -l group -d 'Be a member of this consumer group (default tweetoscope-COMMAND)' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand monitor" -l transactional-id -d 'Be known by this name over restarts, each instance by its own: a restart then takes over at once (default: group, host and process)' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand monitor" -l topic -d 'Call the topic of a kind of records NAME; may be repeated' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand monitor" -l partitions -d 'Create topics with this many partitions: as many instances can share the work' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand monitor" -l replication -d 'Create topics with this many copies (default: the broker\'s)' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand monitor" -l from -d 'Begin here where the group never was: with the earliest record there is, or the latest' -r -f -a "earliest\t'With the earliest record'
latest\t'With the latest record'"
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand monitor" -l wait -d 'Give up (exit status 75) when no broker answered for this long' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand monitor" -l tick -d 'Commit after this much work' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand monitor" -l max-replay -d 'Keep a recovery to about this many records by writing long cascades to collect_state' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand monitor" -l csv -d 'Write a table with a header, on a terminal too'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand monitor" -l plot -d 'Show the course of the errors on stderr: live where that is a terminal and stdout is not, else as plain text at the end'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand monitor" -l dry-run -d 'Check the options and the files, then exit without reading records'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand monitor" -s v -l verbose -d 'Log more on stderr: -v from INFO, -vv from DEBUG (default: from WARNING)'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand monitor" -s q -l quiet -d 'Log errors only on stderr'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand monitor" -l kafka -d 'Read and write Kafka topics, exactly once, until told to stop'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand monitor" -l create-topics -d 'Create the topics that are missing'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand monitor" -l exit-eof -d 'End when all partitions are read'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand monitor" -l at-least-once -d 'Work without transactions: a crash may repeat output'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand monitor" -l log-topic -d 'Send the log, from INFO up, to the topic of logs too'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand monitor" -l without-replay -d 'Forget all state at a restart: for the test that must see it'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand monitor" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand monitor" -s V -l version -d 'Print version'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand run" -l history -d 'Replay the cascades of these files: JSON lines, plain or gzip' -r -F
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand run" -l data -d 'Replay the cascades of this CSV: with --index rows of a pair, else a table with cid, t' -r -F
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand run" -l index -d 'First and last row of each cascade in --data' -r -F
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand run" -l simulate -d 'Simulate this many cascades' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand run" -l p -d 'Simulate with this infectiousness, or one from a range LOW..HIGH' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand run" -l beta -d 'Simulate with this decay in 1/s, or one from a range LOW..HIGH' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand run" -l first-mark -d 'Give the initial tweet this magnitude' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand run" -l seed -d 'Seed of all chance' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand run" -l sources -d 'Deal the cascades to this many sources' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand run" -l live -d 'Keep this many cascades of a source going at once' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand run" -l start-range -d 'Begin a cascade up to this long after the one that it follows is over' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand run" -l timeline -d 'Replay at the true times (real), shuffled and dealt (dealt), or as the history allows' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand run" -l tail -d 'End a source with a watermark this long after its last event' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand run" -l seconds-per-unit -d 'Take the times of the cascades in units of this many seconds' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand run" -l limit -d 'Stop after this many events, without watermarks' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand run" -l terminated -d 'Call a cascade over when it was silent for this time' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand run" -l min-size -d 'Emit a window only if it holds this many events' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand run" -l lateness -d 'Keep the clock this far behind the latest event, for events that come late' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand run" -l max-age -d 'Call a cascade over at this age, whatever happens (default 7d; 1d with --kafka)' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand run" -l at-end -d 'Treat the end of the input as the end of all cascades, or as a cut that says nothing' -r -f -a "terminate\t'The input is complete: every cascade is over'
drop\t'The input was cut: say nothing more'"
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand run" -l max-open-cascades -d 'Open at most this many cascades of a source; tweets beyond are counted and dropped' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand run" -l max-events-per-cascade -d 'Keep at most this many events of a cascade; later ones count in its size alone' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand run" -l max-sources -d 'Follow at most this many sources; records of others are counted and dropped' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand run" -l estimator -d 'Find the parameters by map (with the usual prior), mle, or predict by seismic' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand run" -l marks -d 'Law of the magnitudes: data, mean:X, pareto:ALPHA,MINIMUM, or file:HISTORY for its mean' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand run" -l utc-offset -d 'Hours that the local clock is ahead of UTC, where times are Unix times' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand run" -l threads -d 'Work on this many threads (default: one a core); the output does not depend on it' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand run" -l level -d 'Nominal probability that the interval holds the final size' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand run" -l alert-above -d 'Tell only predictions above this size, with the probability to pass it (default: all)' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand run" -l max-pending -d 'Let at most this many predictions wait for their sizes; the oldest go first' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand run" -l pin -d 'Use this version of its window\'s model whatever is newer; may be repeated' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand run" -l newest -d 'Learn from at most this many samples of a window, the newest' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand run" -l trees -d 'Grow this many trees' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand run" -l target -d 'Learn the growth, or omega as the original system does; a median ratio or a log-linear law takes its place while that has the smaller error on held-out samples' -r -f -a "log-ratio\t'ln(N/n), from all features'
omega\t'omega, from beta, n* and G1'"
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand run" -l aggregate -d 'Answer with the median that minimises the mean relative error, the median, or the mean' -r -f -a "relative-median\t'The median weighted by 1/N'
median\t'The median'
mean\t'The mean of the logarithm'"
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand run" -l models -d 'Start with the models of this folder, and keep those that are learned there' -r -F
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand run" -l folds -d 'Evaluate by cross-validation instead: deal the cascades to K folds, predict each fold by models of the others, and print how every method did at each of --windows (default here: 5m,10m,20m,30m,1h,2h,6h). Cascades are taken whole, up to --max-age' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand run" -l predictions -d 'Write each prediction of the evaluation to FILE, as JSON lines' -r -F
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand run" -l truth -d 'Write the final size that each prediction was for to FILE, as JSON lines' -r -F
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand run" -l dead-letter -d 'Append refused records to FILE, each with its place and the reason, as JSON lines; with --kafka FILE is the name of a topic, written in the transaction of the output' -r -F
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand run" -l max-line -d 'Refuse longer lines, in bytes; tweets are refused above 1 MiB in any case' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand run" -l log-dir -d 'Also write the log, from INFO, to DIR/COMMAND.log; the file is rotated at 10 MiB or after a day, and the ten newest rotated files are kept, compressed with gzip' -r -F
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand run" -l log-format -d 'Format of the log on stderr and in files' -r -f -a "text\t'One line of text per message'
json\t'One JSON object per message, as in the logs topic'"
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand run" -l http -d 'Serve /metrics, /healthz and /readyz on ADDR, a HOST:PORT such as 0.0.0.0:9100; a port alone listens on 127.0.0.1' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand run" -l http-host -d 'Accept HTTP requests for these host names too, separated by commas (default: localhost and IP addresses)' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand run" -l metrics-textfile -d 'Write the metrics to FILE at the end, for the textfile collector of node_exporter' -r -F
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand run" -l windows -d 'Observe cascades for these times, ascending' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand run" -l exact-times -d 'Keep fractions of seconds'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand run" -l curve -d 'Tell the expected growth after the window too, as pairs [seconds after its end, events]'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand run" -l no-learn -d 'Learn nothing'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand run" -l csv -d 'Print the evaluation as CSV, all figures in full'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand run" -l plot -d 'Plot the mean error of every method against the window too'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand run" -l dry-run -d 'Check the options and the files, then exit without reading records'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand run" -s v -l verbose -d 'Log more on stderr: -v from INFO, -vv from DEBUG (default: from WARNING)'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand run" -s q -l quiet -d 'Log errors only on stderr'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand run" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand run" -s V -l version -d 'Print version'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand dashboard" -l top -d 'Show this many cascades' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand dashboard" -l above -d 'Show the probability of more than N events (default: the least N that alerts tell)' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand dashboard" -l dead-letter -d 'Append refused records to FILE, each with its place and the reason, as JSON lines; with --kafka FILE is the name of a topic, written in the transaction of the output' -r -F
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand dashboard" -l max-line -d 'Refuse longer lines, in bytes; tweets are refused above 1 MiB in any case' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand dashboard" -l log-dir -d 'Also write the log, from INFO, to DIR/COMMAND.log; the file is rotated at 10 MiB or after a day, and the ten newest rotated files are kept, compressed with gzip' -r -F
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand dashboard" -l log-format -d 'Format of the log on stderr and in files' -r -f -a "text\t'One line of text per message'
json\t'One JSON object per message, as in the logs topic'"
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand dashboard" -l http -d 'Serve /metrics, /healthz and /readyz on ADDR, a HOST:PORT such as 0.0.0.0:9100; a port alone listens on 127.0.0.1' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand dashboard" -l http-host -d 'Accept HTTP requests for these host names too, separated by commas (default: localhost and IP addresses)' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand dashboard" -l metrics-textfile -d 'Write the metrics to FILE at the end, for the textfile collector of node_exporter' -r -F
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand dashboard" -s b -l brokers -d 'Connect to these brokers (host:port, separated by commas; default localhost:9092)' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand dashboard" -s X -d 'Set a property of librdkafka, such as sasl.mechanism=PLAIN; may be repeated' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand dashboard" -s F -d 'Read such properties from FILE, one a line: the place for secrets; -X wins' -r -F
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand dashboard" -l group -d 'Be a member of this consumer group (default tweetoscope-COMMAND)' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand dashboard" -l transactional-id -d 'Be known by this name over restarts, each instance by its own: a restart then takes over at once (default: group, host and process)' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand dashboard" -l topic -d 'Call the topic of a kind of records NAME; may be repeated' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand dashboard" -l partitions -d 'Create topics with this many partitions: as many instances can share the work' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand dashboard" -l replication -d 'Create topics with this many copies (default: the broker\'s)' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand dashboard" -l from -d 'Begin here where the group never was: with the earliest record there is, or the latest' -r -f -a "earliest\t'With the earliest record'
latest\t'With the latest record'"
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand dashboard" -l wait -d 'Give up (exit status 75) when no broker answered for this long' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand dashboard" -l tick -d 'Commit after this much work' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand dashboard" -l max-replay -d 'Keep a recovery to about this many records by writing long cascades to collect_state' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand dashboard" -l dry-run -d 'Check the options and the files, then exit without reading records'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand dashboard" -s v -l verbose -d 'Log more on stderr: -v from INFO, -vv from DEBUG (default: from WARNING)'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand dashboard" -s q -l quiet -d 'Log errors only on stderr'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand dashboard" -l kafka -d 'Read and write Kafka topics, exactly once, until told to stop'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand dashboard" -l create-topics -d 'Create the topics that are missing'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand dashboard" -l exit-eof -d 'End when all partitions are read'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand dashboard" -l at-least-once -d 'Work without transactions: a crash may repeat output'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand dashboard" -l log-topic -d 'Send the log, from INFO up, to the topic of logs too'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand dashboard" -l without-replay -d 'Forget all state at a restart: for the test that must see it'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand dashboard" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand dashboard" -s V -l version -d 'Print version'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand log" -l levels -d 'Show these levels: debug, info, warning, error, critical' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand log" -l sources -d 'Show these stages' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand log" -l into -d 'Write rotating files into DIR instead of stdout: DIR/tweetoscope.log' -r -F
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand log" -l dead-letter -d 'Append refused records to FILE, each with its place and the reason, as JSON lines; with --kafka FILE is the name of a topic, written in the transaction of the output' -r -F
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand log" -l max-line -d 'Refuse longer lines, in bytes; tweets are refused above 1 MiB in any case' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand log" -l log-dir -d 'Also write the log, from INFO, to DIR/COMMAND.log; the file is rotated at 10 MiB or after a day, and the ten newest rotated files are kept, compressed with gzip' -r -F
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand log" -l log-format -d 'Format of the log on stderr and in files' -r -f -a "text\t'One line of text per message'
json\t'One JSON object per message, as in the logs topic'"
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand log" -l http -d 'Serve /metrics, /healthz and /readyz on ADDR, a HOST:PORT such as 0.0.0.0:9100; a port alone listens on 127.0.0.1' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand log" -l http-host -d 'Accept HTTP requests for these host names too, separated by commas (default: localhost and IP addresses)' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand log" -l metrics-textfile -d 'Write the metrics to FILE at the end, for the textfile collector of node_exporter' -r -F
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand log" -s b -l brokers -d 'Connect to these brokers (host:port, separated by commas; default localhost:9092)' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand log" -s X -d 'Set a property of librdkafka, such as sasl.mechanism=PLAIN; may be repeated' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand log" -s F -d 'Read such properties from FILE, one a line: the place for secrets; -X wins' -r -F
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand log" -l group -d 'Be a member of this consumer group (default tweetoscope-COMMAND)' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand log" -l transactional-id -d 'Be known by this name over restarts, each instance by its own: a restart then takes over at once (default: group, host and process)' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand log" -l topic -d 'Call the topic of a kind of records NAME; may be repeated' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand log" -l partitions -d 'Create topics with this many partitions: as many instances can share the work' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand log" -l replication -d 'Create topics with this many copies (default: the broker\'s)' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand log" -l from -d 'Begin here where the group never was: with the earliest record there is, or the latest' -r -f -a "earliest\t'With the earliest record'
latest\t'With the latest record'"
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand log" -l wait -d 'Give up (exit status 75) when no broker answered for this long' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand log" -l tick -d 'Commit after this much work' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand log" -l max-replay -d 'Keep a recovery to about this many records by writing long cascades to collect_state' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand log" -s f -l follow -d 'Go on when the files end: wait for more, also when they are rotated'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand log" -l json -d 'Write JSON records instead of columns'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand log" -l dry-run -d 'Check the options and the files, then exit without reading records'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand log" -s v -l verbose -d 'Log more on stderr: -v from INFO, -vv from DEBUG (default: from WARNING)'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand log" -s q -l quiet -d 'Log errors only on stderr'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand log" -l kafka -d 'Read and write Kafka topics, exactly once, until told to stop'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand log" -l create-topics -d 'Create the topics that are missing'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand log" -l exit-eof -d 'End when all partitions are read'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand log" -l at-least-once -d 'Work without transactions: a crash may repeat output'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand log" -l log-topic -d 'Send the log, from INFO up, to the topic of logs too'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand log" -l without-replay -d 'Forget all state at a restart: for the test that must see it'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand log" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand log" -s V -l version -d 'Print version'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand healthy" -l log-dir -d 'Also write the log, from INFO, to DIR/COMMAND.log; the file is rotated at 10 MiB or after a day, and the ten newest rotated files are kept, compressed with gzip' -r -F
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand healthy" -l log-format -d 'Format of the log on stderr and in files' -r -f -a "text\t'One line of text per message'
json\t'One JSON object per message, as in the logs topic'"
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand healthy" -l http -d 'Serve /metrics, /healthz and /readyz on ADDR, a HOST:PORT such as 0.0.0.0:9100; a port alone listens on 127.0.0.1' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand healthy" -l http-host -d 'Accept HTTP requests for these host names too, separated by commas (default: localhost and IP addresses)' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand healthy" -l metrics-textfile -d 'Write the metrics to FILE at the end, for the textfile collector of node_exporter' -r -F
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand healthy" -s v -l verbose -d 'Log more on stderr: -v from INFO, -vv from DEBUG (default: from WARNING)'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand healthy" -s q -l quiet -d 'Log errors only on stderr'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand healthy" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand healthy" -s V -l version -d 'Print version'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand help; and not __fish_seen_subcommand_from generate collect fit predict train monitor run dashboard log healthy help" -f -a "generate" -d 'Replay or simulate tweets'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand help; and not __fish_seen_subcommand_from generate collect fit predict train monitor run dashboard log healthy help" -f -a "collect" -d 'Group tweets into cascades; emit each one\'s first seconds, later its final size'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand help; and not __fish_seen_subcommand_from generate collect fit predict train monitor run dashboard log healthy help" -f -a "fit" -d 'Fit a marked Hawkes process to every cascade observed'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand help; and not __fish_seen_subcommand_from generate collect fit predict train monitor run dashboard log healthy help" -f -a "predict" -d 'Predict the final size of every cascade fitted, and score the prediction later'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand help; and not __fish_seen_subcommand_from generate collect fit predict train monitor run dashboard log healthy help" -f -a "train" -d 'Learn the correction of each window from finished cascades'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand help; and not __fish_seen_subcommand_from generate collect fit predict train monitor run dashboard log healthy help" -f -a "monitor" -d 'Watch whether the predictions still hold'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand help; and not __fish_seen_subcommand_from generate collect fit predict train monitor run dashboard log healthy help" -f -a "run" -d 'Run the whole system in one process'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand help; and not __fish_seen_subcommand_from generate collect fit predict train monitor run dashboard log healthy help" -f -a "dashboard" -d 'Show the hottest cascades, live: in the terminal, or as a page with --http'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand help; and not __fish_seen_subcommand_from generate collect fit predict train monitor run dashboard log healthy help" -f -a "log" -d 'Show the logs of all stages in one, by time: filtered, in colour, or into rotating files'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand help; and not __fish_seen_subcommand_from generate collect fit predict train monitor run dashboard log healthy help" -f -a "healthy" -d 'Ask whether the process that serves on an address is healthy'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand help; and not __fish_seen_subcommand_from generate collect fit predict train monitor run dashboard log healthy help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'

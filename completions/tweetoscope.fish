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

complete -c tweetoscope -n "__fish_tweetoscope_needs_command" -s h -l help -d 'Print help'
complete -c tweetoscope -n "__fish_tweetoscope_needs_command" -s V -l version -d 'Print version'
complete -c tweetoscope -n "__fish_tweetoscope_needs_command" -f -a "generate" -d 'Replay recorded cascades, or simulate cascades, as a stream of tweets'
complete -c tweetoscope -n "__fish_tweetoscope_needs_command" -f -a "collect" -d 'Group tweets into cascades, and emit their observation windows and final sizes'
complete -c tweetoscope -n "__fish_tweetoscope_needs_command" -f -a "fit" -d 'Fit a marked Hawkes process to the observed events of each cascade'
complete -c tweetoscope -n "__fish_tweetoscope_needs_command" -f -a "predict" -d 'Predict the final size of each fitted cascade, and score the prediction when the size is known'
complete -c tweetoscope -n "__fish_tweetoscope_needs_command" -f -a "train" -d 'Learn from finished cascades how large the cascades of each window become'
complete -c tweetoscope -n "__fish_tweetoscope_needs_command" -f -a "monitor" -d 'Report the errors of the predictions, and whether they have become worse'
complete -c tweetoscope -n "__fish_tweetoscope_needs_command" -f -a "run" -d 'Run the whole system in one process: collect, fit, predict, train and monitor'
complete -c tweetoscope -n "__fish_tweetoscope_needs_command" -f -a "dashboard" -d 'Show the cascades with the largest predictions, live in the terminal or as a web page'
complete -c tweetoscope -n "__fish_tweetoscope_needs_command" -f -a "log" -d 'Merge the logs of all stages by time, filter them, and print or store them'
complete -c tweetoscope -n "__fish_tweetoscope_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand generate" -l history -d 'Read the cascades of these files, in any format of --format; - is stdin' -r -F
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand generate" -l data -d 'Read the cascades of this table of events (CSV, or Parquet where it is built in), one event a row, or, with --index, of the events file of the original system; - is stdin' -r -F
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand generate" -l index -d 'File of the original system with the first and last row of each cascade in --data' -r -F
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand generate" -l format -d 'Format of the input: x_v11, x_v2, jetstream, mastodon, weibo, csv or history (default: recognise it from the first line)' -r -f -a "x_v11\t''
x_v2\t''
jetstream\t''
mastodon\t''
weibo\t''
csv\t''
history\t''"
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand generate" -l missing-root -d 'Treatment of reposts whose original is not in the input: embedded takes the original from the repost and drops reposts without one, first lets the first repost stand for the original, drop drops them (default: embedded; for tables, first; for posts read as they arrive, drop)' -r -f -a "embedded\t''
first\t''
drop\t''"
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand generate" -l columns -d 'Columns of a table, such as cid=retweet_of,id=tweet_id,t=created_at,m=followers,msg=text,source=lang (default: recognise their names)' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand generate" -l seconds-per-unit -d 'Unit of the times in the input, in seconds, such as 60 for minutes (default: 1; for Unix times in a table, recognise it)' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand generate" -l simulate -d 'Simulate this many cascades' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand generate" -l p -d 'Infectiousness of simulated cascades in 1/follower: a number, or a range LOW..HIGH to draw from' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand generate" -l beta -d 'Decay of simulated cascades in 1/s: a number, or a range LOW..HIGH to draw from' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand generate" -l first-mark -d 'Mark of the initial tweet of simulated cascades, in followers' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand generate" -l seed -d 'Random seed' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand generate" -l sources -d 'Number of sources to which the cascades are assigned, where no column names their sources' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand generate" -l live -d 'Number of cascades of a source that are open at the same time' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand generate" -l start-range -d 'Start a cascade within this time after the end of the one that it replaces' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand generate" -l timeline -d 'Timeline: real keeps the Unix times of the history, dealt shuffles the cascades and assigns them to sources, auto is real where every cascade has a Unix time and dealt otherwise' -r -f -a "auto\t''
real\t''
dealt\t''"
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand generate" -l tail -d 'Emit the watermark that ends a source this long after its last event' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand generate" -l limit -d 'Stop after this many events, without watermarks (default: replay all)' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand generate" -l params -d 'Take defaults from a params.config of the original system; options take precedence' -r -F
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand generate" -l marks -d 'Distribution of the simulated marks: pareto:ALPHA,MINIMUM, or mean:X for pareto with the exponent 2.4 and this mean' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand generate" -l utc-offset -d 'Offset from UTC in hours of times without an offset, such as 2018-10-10 20:19:24 in a table' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand generate" -l speed -d 'Replay speed in event seconds per second, such as 3600 (default: without pauses)' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand generate" -l dead-letter -d 'Append refused records to FILE, each with its place and the reason, as JSON lines; of a service (collect, fit, predict and train with --kafka) FILE is the name of a topic, written in the transaction of the output' -r -F
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand generate" -l max-line -d 'Refuse longer lines of records, in bytes; tweets and retweets are refused above 1 MiB in any case, and lines of a history, table or post file above 256 MiB' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand generate" -l log-dir -d 'Also write the log, from INFO, to DIR/COMMAND.log; the file is rotated at 10 MiB or after a day, and the ten newest rotated files are kept, compressed with gzip' -r -F
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand generate" -l log-format -d 'Format of the log on stderr and in files' -r -f -a "text\t'One line of text per message'
json\t'One JSON object per message, as in the logs topic'"
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand generate" -l http -d 'Serve /metrics, /healthz and /readyz on ADDR, a HOST:PORT such as 0.0.0.0:9100; a port alone listens on 127.0.0.1' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand generate" -l http-host -d 'Accept HTTP requests for these host names too, separated by commas (default: localhost and IP addresses)' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand generate" -l metrics-textfile -d 'Write the metrics to FILE at the end, for the textfile collector of node_exporter' -r -F
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand generate" -s b -l brokers -d 'Brokers, HOST:PORT separated by commas (default: localhost:9092)' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand generate" -s X -d 'Set a librdkafka property, such as sasl.mechanism=PLAIN; may be repeated' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand generate" -s F -d 'Read librdkafka properties from FILE, one NAME=VALUE per line, for secrets; -X takes precedence' -r -F
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand generate" -l group -d 'Name under which the position of this replay is committed (default: tweetoscope-generate); one for each generate of a topic' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand generate" -l transactional-id -d 'Transactional id, unique per instance; an id that is the same after a restart fences the previous process and takes over its partitions immediately, and lets generate continue after the records that it has committed (default: from group, host and process id)' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand generate" -l topic -d 'Use topic NAME for records of this type, such as alert=my_alerts; may be repeated' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand generate" -l partitions -d 'Number of partitions of created topics, at most 10000; the maximum number of instances that share the work' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand generate" -l replication -d 'Replication factor of created topics (default: that of the broker)' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand generate" -l from -d 'Start position of a group without committed offsets: earliest, latest (the next record that is written), or group:NAME for the committed offsets of another group, without its state' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand generate" -l wait -d 'Exit with status 75 when no broker has answered for this long' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand generate" -l tick -d 'Time between commits; with a backlog up to a second, so that commits take at most 5 % of the time' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand generate" -l max-replay -d 'Approximate maximum number of records to replay at a restart; state that would need more is written to the topic collect_state' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand generate" -l exact-times -d 'Keep fractions of seconds (default: round event times to whole seconds)'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand generate" -l dry-run -d 'Check the options and the files, then exit without reading records'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand generate" -s v -l verbose -d 'Log more on stderr: -v from INFO, -vv from DEBUG (default: from WARNING, or the level in RUST_LOG)'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand generate" -s q -l quiet -d 'Log errors only on stderr'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand generate" -l kafka -d 'Write to Kafka topics instead of stdout; with --transactional-id exactly once, also after a restart'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand generate" -l create-topics -d 'Create missing topics, also that of --dead-letter of a service'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand generate" -l exit-eof -d 'Exit when this process has read its assigned partitions to their ends'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand generate" -l at-least-once -d 'Write without transactions; output may be repeated after a crash'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand generate" -l log-topic -d 'Also write the log, from INFO, to the logs topic'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand generate" -l without-replay -d 'Start without restored state, to show in a test that restoring matters'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand generate" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand generate" -s V -l version -d 'Print version'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand collect" -l windows -d 'Observation windows, ascending, in whole seconds, such as 10m,1h,6h; a number alone is in seconds' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand collect" -l terminated -d 'Terminate a cascade after this time without an event (default: 30m or the largest window, whichever is larger; where recorded cascades are read, 7d)' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand collect" -l min-size -d 'Emit a window only if it contains at least this many events' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand collect" -l lateness -d 'Keep the clock this far behind the latest event, so that late events still join their window' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand collect" -l max-age -d 'Terminate a cascade at this age (default: 7d, with --kafka 1d)' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand collect" -l max-jump -d 'Refuse an event that is further ahead of the clock of its source, such as one in milliseconds; the third such event in a row is accepted: the source was silent (default: 7d; no limit for recorded cascades in `run` and `train`, which are in time order)' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand collect" -l at-end -d 'Action at the end of the input; with --kafka, and after SIGINT or SIGTERM, always drop' -r -f -a "terminate\t'Terminate every cascade and emit what is pending: the input is complete'
drop\t'Emit nothing more: the input is a recording that was cut'"
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand collect" -l max-open-cascades -d 'Maximum number of open cascades per source; further tweets are counted and dropped' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand collect" -l max-events-per-cascade -d 'Maximum number of stored events per cascade; further ones are counted in its size only' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand collect" -l max-sources -d 'Maximum number of sources; records of further ones are counted and dropped' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand collect" -l params -d 'Take defaults from a collector.ini of the original system; options take precedence' -r -F
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand collect" -l dead-letter -d 'Append refused records to FILE, each with its place and the reason, as JSON lines; of a service (collect, fit, predict and train with --kafka) FILE is the name of a topic, written in the transaction of the output' -r -F
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand collect" -l max-line -d 'Refuse longer lines of records, in bytes; tweets and retweets are refused above 1 MiB in any case, and lines of a history, table or post file above 256 MiB' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand collect" -l log-dir -d 'Also write the log, from INFO, to DIR/COMMAND.log; the file is rotated at 10 MiB or after a day, and the ten newest rotated files are kept, compressed with gzip' -r -F
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand collect" -l log-format -d 'Format of the log on stderr and in files' -r -f -a "text\t'One line of text per message'
json\t'One JSON object per message, as in the logs topic'"
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand collect" -l http -d 'Serve /metrics, /healthz and /readyz on ADDR, a HOST:PORT such as 0.0.0.0:9100; a port alone listens on 127.0.0.1' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand collect" -l http-host -d 'Accept HTTP requests for these host names too, separated by commas (default: localhost and IP addresses)' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand collect" -l metrics-textfile -d 'Write the metrics to FILE at the end, for the textfile collector of node_exporter' -r -F
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand collect" -s b -l brokers -d 'Brokers, HOST:PORT separated by commas (default: localhost:9092)' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand collect" -s X -d 'Set a librdkafka property, such as sasl.mechanism=PLAIN; may be repeated' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand collect" -s F -d 'Read librdkafka properties from FILE, one NAME=VALUE per line, for secrets; -X takes precedence' -r -F
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand collect" -l group -d 'Consumer group (default: tweetoscope-COMMAND); its instances share the partitions' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand collect" -l transactional-id -d 'Transactional id, unique per instance; an id that is the same after a restart fences the previous process and takes over its partitions immediately, and lets generate continue after the records that it has committed (default: from group, host and process id)' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand collect" -l topic -d 'Use topic NAME for records of this type, such as alert=my_alerts; may be repeated' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand collect" -l partitions -d 'Number of partitions of created topics, at most 10000; the maximum number of instances that share the work' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand collect" -l replication -d 'Replication factor of created topics (default: that of the broker)' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand collect" -l from -d 'Start position of a group without committed offsets: earliest, latest (the next record that is written), or group:NAME for the committed offsets of another group, without its state' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand collect" -l wait -d 'Exit with status 75 when no broker has answered for this long' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand collect" -l tick -d 'Time between commits; with a backlog up to a second, so that commits take at most 5 % of the time' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand collect" -l max-replay -d 'Approximate maximum number of records to replay at a restart; state that would need more is written to the topic collect_state' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand collect" -l dry-run -d 'Check the options and the files, then exit without reading records'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand collect" -s v -l verbose -d 'Log more on stderr: -v from INFO, -vv from DEBUG (default: from WARNING, or the level in RUST_LOG)'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand collect" -s q -l quiet -d 'Log errors only on stderr'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand collect" -l kafka -d 'Read and write Kafka topics, exactly once, until SIGINT or SIGTERM'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand collect" -l create-topics -d 'Create missing topics, also that of --dead-letter of a service'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand collect" -l exit-eof -d 'Exit when this process has read its assigned partitions to their ends'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand collect" -l at-least-once -d 'Write without transactions; output may be repeated after a crash'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand collect" -l log-topic -d 'Also write the log, from INFO, to the logs topic'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand collect" -l without-replay -d 'Start without restored state, to show in a test that restoring matters'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand collect" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand collect" -s V -l version -d 'Print version'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand fit" -l estimator -d 'Estimate the parameters by maximum a posteriori (map) or maximum likelihood (mle); seismic predicts by SEISMIC instead' -r -f -a "map\t''
mle\t''
seismic\t''"
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand fit" -l marks -d 'Distribution of the marks: data (that of the cascade), mean:X, pareto:ALPHA,MINIMUM such as pareto:2.4,10, or file:HISTORY, which is mean:X with the mean mark of a history file' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand fit" -l utc-offset -d 'Offset of the local time from UTC in hours: of times in tables that name none, and for features of the time of day' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand fit" -l threads -d 'Number of threads (default: number of cores); the output does not depend on it' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand fit" -l windows -d 'Fit recorded cascades once for each of these times after the first event, such as 10m,1h; a number alone is in seconds' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand fit" -l until -d 'Fit recorded cascades up to this time after the first event (default: up to the last event)' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand fit" -l resume -d 'Write the rows of --csv to this file instead of stdout; where an earlier run was interrupted, keep its complete rows and continue after them' -r -F
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand fit" -l parquet -d 'Write the columns of --csv to this Parquet file, and no records' -r -F
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand fit" -l kernel -d 'Also fit this kernel by maximum likelihood, as the field kernel_fit: exp, power-law, sum-exp:K with K of 2 or 3, seismic (SEISMIC\'s fixed kernel), or best, that of the smallest AIC for each cascade' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand fit" -l mark-exponent -d 'Exponent of the marks, which weight an event by m^X: fit, a number, or none to ignore marks (default: fit; 1 for seismic)' -r -f -a "fit\t''
none\t''"
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand fit" -l population -d 'Limit the cascade to a finite population (HawkesN): fit, or a number of users at least as large as the cascade' -r -f -a "fit\t''"
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand fit" -l exact-below -d 'Compute the power law over all pairs of events below this number of events, else as a sum of exponentials with a relative error below 1e-8' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand fit" -l held-out -d 'Also fit to the events of the first share of the window, such as 0.8, and emit the log-likelihood of the others' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand fit" -l intervals -d 'Emit 95 % intervals from the profile likelihood' -r -f -a "profile\t'From the profile likelihood'"
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand fit" -l history -d 'Read the cascades of these files, in any format of --format; - is stdin' -r -F
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand fit" -l data -d 'Read the cascades of this table of events (CSV, or Parquet where it is built in), one event a row, or, with --index, of the events file of the original system; - is stdin' -r -F
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand fit" -l index -d 'File of the original system with the first and last row of each cascade in --data' -r -F
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand fit" -l format -d 'Format of the input: x_v11, x_v2, jetstream, mastodon, weibo, csv or history (default: recognise it from the first line)' -r -f -a "x_v11\t''
x_v2\t''
jetstream\t''
mastodon\t''
weibo\t''
csv\t''
history\t''"
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand fit" -l missing-root -d 'Treatment of reposts whose original is not in the input: embedded takes the original from the repost and drops reposts without one, first lets the first repost stand for the original, drop drops them (default: embedded; for tables, first; for posts read as they arrive, drop)' -r -f -a "embedded\t''
first\t''
drop\t''"
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand fit" -l columns -d 'Columns of a table, such as cid=retweet_of,id=tweet_id,t=created_at,m=followers,msg=text,source=lang (default: recognise their names)' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand fit" -l seconds-per-unit -d 'Unit of the times in the input, in seconds, such as 60 for minutes (default: 1; for Unix times in a table, recognise it)' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand fit" -l dead-letter -d 'Append refused records to FILE, each with its place and the reason, as JSON lines; of a service (collect, fit, predict and train with --kafka) FILE is the name of a topic, written in the transaction of the output' -r -F
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand fit" -l max-line -d 'Refuse longer lines of records, in bytes; tweets and retweets are refused above 1 MiB in any case, and lines of a history, table or post file above 256 MiB' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand fit" -l log-dir -d 'Also write the log, from INFO, to DIR/COMMAND.log; the file is rotated at 10 MiB or after a day, and the ten newest rotated files are kept, compressed with gzip' -r -F
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand fit" -l log-format -d 'Format of the log on stderr and in files' -r -f -a "text\t'One line of text per message'
json\t'One JSON object per message, as in the logs topic'"
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand fit" -l http -d 'Serve /metrics, /healthz and /readyz on ADDR, a HOST:PORT such as 0.0.0.0:9100; a port alone listens on 127.0.0.1' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand fit" -l http-host -d 'Accept HTTP requests for these host names too, separated by commas (default: localhost and IP addresses)' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand fit" -l metrics-textfile -d 'Write the metrics to FILE at the end, for the textfile collector of node_exporter' -r -F
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand fit" -s b -l brokers -d 'Brokers, HOST:PORT separated by commas (default: localhost:9092)' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand fit" -s X -d 'Set a librdkafka property, such as sasl.mechanism=PLAIN; may be repeated' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand fit" -s F -d 'Read librdkafka properties from FILE, one NAME=VALUE per line, for secrets; -X takes precedence' -r -F
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand fit" -l group -d 'Consumer group (default: tweetoscope-COMMAND); its instances share the partitions' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand fit" -l transactional-id -d 'Transactional id, unique per instance; an id that is the same after a restart fences the previous process and takes over its partitions immediately, and lets generate continue after the records that it has committed (default: from group, host and process id)' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand fit" -l topic -d 'Use topic NAME for records of this type, such as alert=my_alerts; may be repeated' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand fit" -l partitions -d 'Number of partitions of created topics, at most 10000; the maximum number of instances that share the work' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand fit" -l replication -d 'Replication factor of created topics (default: that of the broker)' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand fit" -l from -d 'Start position of a group without committed offsets: earliest, latest (the next record that is written), or group:NAME for the committed offsets of another group, without its state' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand fit" -l wait -d 'Exit with status 75 when no broker has answered for this long' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand fit" -l tick -d 'Time between commits; with a backlog up to a second, so that commits take at most 5 % of the time' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand fit" -l max-replay -d 'Approximate maximum number of records to replay at a restart; state that would need more is written to the topic collect_state' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand fit" -l csv -d 'Write CSV with a header instead of records'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand fit" -l joint -d 'Fit one set of parameters to all cascades of the input, which are emitted at its end'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand fit" -l dry-run -d 'Check the options and the files, then exit without reading records'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand fit" -s v -l verbose -d 'Log more on stderr: -v from INFO, -vv from DEBUG (default: from WARNING, or the level in RUST_LOG)'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand fit" -s q -l quiet -d 'Log errors only on stderr'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand fit" -l kafka -d 'Read and write Kafka topics, exactly once, until SIGINT or SIGTERM'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand fit" -l create-topics -d 'Create missing topics, also that of --dead-letter of a service'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand fit" -l exit-eof -d 'Exit when this process has read its assigned partitions to their ends'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand fit" -l at-least-once -d 'Write without transactions; output may be repeated after a crash'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand fit" -l log-topic -d 'Also write the log, from INFO, to the logs topic'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand fit" -l without-replay -d 'Start without restored state, to show in a test that restoring matters'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand fit" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand fit" -s V -l version -d 'Print version'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand predict" -l method -d 'Method of prediction' -r -f -a "auto\t'The model of the window; without one, the growth law, corrected by finished cascades'
growth-law\t'The growth law alone'
seismic\t'SEISMIC\'s estimate of the final size; without one, as hawkes'
hawkes\t'The expected final size of the fitted process'
kernel\t'The final size of the kernel_fit of fit --kernel, of any kernel; without one, as hawkes'
exp\t'The final size of a kernel_fit of this family; without one, as hawkes'
power-law\t'The final size of a kernel_fit of this family; without one, as hawkes'
sum-exp:2\t'The final size of a kernel_fit of this family; without one, as hawkes'
sum-exp:3\t'The final size of a kernel_fit of this family; without one, as hawkes'
seismic-kernel\t'The final size of a kernel_fit of this family; without one, as hawkes'"
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand predict" -l level -d 'Nominal probability that the prediction interval contains the final size, between 0 and 1' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand predict" -l alert-above -d 'Emit only alerts that predict more than this many events, each with the probability of more (default: all alerts)' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand predict" -l above -d 'Add to each alert, for each of these numbers of events, such as 1000,10000, the probability of more and the expected time until then; emits all alerts' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand predict" -l max-pending -d 'Maximum number of predictions pending for their size; the oldest are dropped first' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand predict" -l pin -d 'Use this version for its window, such as 600-3, even if there is a newer one; may be repeated, once per window' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand predict" -l models -d 'Read models from this folder; it may be filled or updated while the command runs' -r -F
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand predict" -l parquet -d 'Write the columns of --csv to this Parquet file, and no records' -r -F
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand predict" -l at -d 'End of the recording with --now, in Unix seconds, or a time or date as in a table (default: the last event of the input; where times are relative, the last event of each cascade)' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand predict" -l utc-offset -d 'Offset of the local time from UTC in hours with --now (default: 0)' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand predict" -l history -d 'Read the cascades of these files, in any format of --format; - is stdin' -r -F
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand predict" -l data -d 'Read the cascades of this table of events (CSV, or Parquet where it is built in), one event a row, or, with --index, of the events file of the original system; - is stdin' -r -F
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand predict" -l index -d 'File of the original system with the first and last row of each cascade in --data' -r -F
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand predict" -l format -d 'Format of the input: x_v11, x_v2, jetstream, mastodon, weibo, csv or history (default: recognise it from the first line)' -r -f -a "x_v11\t''
x_v2\t''
jetstream\t''
mastodon\t''
weibo\t''
csv\t''
history\t''"
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand predict" -l missing-root -d 'Treatment of reposts whose original is not in the input: embedded takes the original from the repost and drops reposts without one, first lets the first repost stand for the original, drop drops them (default: embedded; for tables, first; for posts read as they arrive, drop)' -r -f -a "embedded\t''
first\t''
drop\t''"
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand predict" -l columns -d 'Columns of a table, such as cid=retweet_of,id=tweet_id,t=created_at,m=followers,msg=text,source=lang (default: recognise their names)' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand predict" -l seconds-per-unit -d 'Unit of the times in the input, in seconds, such as 60 for minutes (default: 1; for Unix times in a table, recognise it)' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand predict" -l dead-letter -d 'Append refused records to FILE, each with its place and the reason, as JSON lines; of a service (collect, fit, predict and train with --kafka) FILE is the name of a topic, written in the transaction of the output' -r -F
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand predict" -l max-line -d 'Refuse longer lines of records, in bytes; tweets and retweets are refused above 1 MiB in any case, and lines of a history, table or post file above 256 MiB' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand predict" -l log-dir -d 'Also write the log, from INFO, to DIR/COMMAND.log; the file is rotated at 10 MiB or after a day, and the ten newest rotated files are kept, compressed with gzip' -r -F
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand predict" -l log-format -d 'Format of the log on stderr and in files' -r -f -a "text\t'One line of text per message'
json\t'One JSON object per message, as in the logs topic'"
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand predict" -l http -d 'Serve /metrics, /healthz and /readyz on ADDR, a HOST:PORT such as 0.0.0.0:9100; a port alone listens on 127.0.0.1' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand predict" -l http-host -d 'Accept HTTP requests for these host names too, separated by commas (default: localhost and IP addresses)' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand predict" -l metrics-textfile -d 'Write the metrics to FILE at the end, for the textfile collector of node_exporter' -r -F
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand predict" -s b -l brokers -d 'Brokers, HOST:PORT separated by commas (default: localhost:9092)' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand predict" -s X -d 'Set a librdkafka property, such as sasl.mechanism=PLAIN; may be repeated' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand predict" -s F -d 'Read librdkafka properties from FILE, one NAME=VALUE per line, for secrets; -X takes precedence' -r -F
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand predict" -l group -d 'Consumer group (default: tweetoscope-COMMAND); its instances share the partitions' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand predict" -l transactional-id -d 'Transactional id, unique per instance; an id that is the same after a restart fences the previous process and takes over its partitions immediately, and lets generate continue after the records that it has committed (default: from group, host and process id)' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand predict" -l topic -d 'Use topic NAME for records of this type, such as alert=my_alerts; may be repeated' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand predict" -l partitions -d 'Number of partitions of created topics, at most 10000; the maximum number of instances that share the work' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand predict" -l replication -d 'Replication factor of created topics (default: that of the broker)' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand predict" -l from -d 'Start position of a group without committed offsets: earliest, latest (the next record that is written), or group:NAME for the committed offsets of another group, without its state' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand predict" -l wait -d 'Exit with status 75 when no broker has answered for this long' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand predict" -l tick -d 'Time between commits; with a backlog up to a second, so that commits take at most 5 % of the time' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand predict" -l max-replay -d 'Log a WARNING when a restart would replay more than twice this number of records' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand predict" -l curve -d 'Add the expected growth to alerts: pairs [seconds after the end of the window, events]'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand predict" -l explain -d 'Add to alerts why they predict this size: contributions of the features to ln(n_tot / n_obs), the average that they start from, and the largest ones in words'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand predict" -l csv -d 'Write alerts as CSV with a header; other records are dropped'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand predict" -l now -d 'Predict cascades that still grow, each at its present age: from the files, tables and posts that fit reads, or from tweet and retweet records'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand predict" -l dry-run -d 'Check the options and the files, then exit without reading records'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand predict" -s v -l verbose -d 'Log more on stderr: -v from INFO, -vv from DEBUG (default: from WARNING, or the level in RUST_LOG)'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand predict" -s q -l quiet -d 'Log errors only on stderr'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand predict" -l kafka -d 'Read and write Kafka topics, exactly once, until SIGINT or SIGTERM'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand predict" -l create-topics -d 'Create missing topics, also that of --dead-letter of a service'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand predict" -l exit-eof -d 'Exit when this process has read its assigned partitions to their ends'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand predict" -l at-least-once -d 'Write without transactions; output may be repeated after a crash'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand predict" -l log-topic -d 'Also write the log, from INFO, to the logs topic'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand predict" -l without-replay -d 'Start without restored state, to show in a test that restoring matters'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand predict" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand predict" -s V -l version -d 'Print version'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand train" -l newest -d 'Maximum number of samples per window; the newest are used' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand train" -l trees -d 'Number of trees of a forest, 1 to 2000; with fewer than 20, intervals are too wide' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand train" -l target -d 'Quantity that the forest predicts' -r -f -a "log-ratio\t'ln(N / n), from all features'
omega\t'omega, from beta, n* and G1, as in the original system'"
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand train" -l aggregate -d 'Statistic of the samples in a leaf that is its prediction' -r -f -a "relative-median\t'Median of ln(N / n) with the weights n/N, which minimizes the mean absolute relative error'
median\t'Median'
mean\t'Mean: of ln(N / n), with --target omega of omega'"
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand train" -l models -d 'Write models to this folder; files are replaced atomically (default: write them to stdout)' -r -F
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand train" -l seed -d 'Random seed' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand train" -l history -d 'Read the cascades of these files, in any format of --format; - is stdin' -r -F
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand train" -l data -d 'Read the cascades of this table of events (CSV, or Parquet where it is built in), one event a row, or, with --index, of the events file of the original system; - is stdin' -r -F
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand train" -l index -d 'File of the original system with the first and last row of each cascade in --data' -r -F
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand train" -l format -d 'Format of the input: x_v11, x_v2, jetstream, mastodon, weibo, csv or history (default: recognise it from the first line)' -r -f -a "x_v11\t''
x_v2\t''
jetstream\t''
mastodon\t''
weibo\t''
csv\t''
history\t''"
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand train" -l missing-root -d 'Treatment of reposts whose original is not in the input: embedded takes the original from the repost and drops reposts without one, first lets the first repost stand for the original, drop drops them (default: embedded; for tables, first; for posts read as they arrive, drop)' -r -f -a "embedded\t''
first\t''
drop\t''"
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand train" -l columns -d 'Columns of a table, such as cid=retweet_of,id=tweet_id,t=created_at,m=followers,msg=text,source=lang (default: recognise their names)' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand train" -l seconds-per-unit -d 'Unit of the times in the input, in seconds, such as 60 for minutes (default: 1; for Unix times in a table, recognise it)' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand train" -l windows -d 'Observation windows, ascending, in whole seconds, such as 10m,1h,6h; a number alone is in seconds' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand train" -l terminated -d 'Terminate a cascade after this time without an event (default: 30m or the largest window, whichever is larger; where recorded cascades are read, 7d)' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand train" -l min-size -d 'Emit a window only if it contains at least this many events' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand train" -l lateness -d 'Keep the clock this far behind the latest event, so that late events still join their window' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand train" -l max-age -d 'Terminate a cascade at this age (default: 7d)' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand train" -l max-jump -d 'Refuse an event that is further ahead of the clock of its source, such as one in milliseconds; the third such event in a row is accepted: the source was silent (default: 7d; no limit for recorded cascades in `run` and `train`, which are in time order)' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand train" -l at-end -d 'Action at the end of the input; after SIGINT or SIGTERM, always drop' -r -f -a "terminate\t'Terminate every cascade and emit what is pending: the input is complete'
drop\t'Emit nothing more: the input is a recording that was cut'"
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand train" -l max-open-cascades -d 'Maximum number of open cascades per source; further tweets are counted and dropped' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand train" -l max-events-per-cascade -d 'Maximum number of stored events per cascade; further ones are counted in its size only' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand train" -l max-sources -d 'Maximum number of sources; records of further ones are counted and dropped' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand train" -l estimator -d 'Estimate the parameters by maximum a posteriori (map) or maximum likelihood (mle); seismic predicts by SEISMIC instead' -r -f -a "map\t''
mle\t''
seismic\t''"
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand train" -l marks -d 'Distribution of the marks: data (that of the cascade), mean:X, pareto:ALPHA,MINIMUM such as pareto:2.4,10, or file:HISTORY, which is mean:X with the mean mark of a history file' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand train" -l utc-offset -d 'Offset of the local time from UTC in hours: of times in tables that name none, and for features of the time of day' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand train" -l threads -d 'Number of threads (default: number of cores); the output does not depend on it' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand train" -l dead-letter -d 'Append refused records to FILE, each with its place and the reason, as JSON lines; of a service (collect, fit, predict and train with --kafka) FILE is the name of a topic, written in the transaction of the output' -r -F
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand train" -l max-line -d 'Refuse longer lines of records, in bytes; tweets and retweets are refused above 1 MiB in any case, and lines of a history, table or post file above 256 MiB' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand train" -l log-dir -d 'Also write the log, from INFO, to DIR/COMMAND.log; the file is rotated at 10 MiB or after a day, and the ten newest rotated files are kept, compressed with gzip' -r -F
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand train" -l log-format -d 'Format of the log on stderr and in files' -r -f -a "text\t'One line of text per message'
json\t'One JSON object per message, as in the logs topic'"
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand train" -l http -d 'Serve /metrics, /healthz and /readyz on ADDR, a HOST:PORT such as 0.0.0.0:9100; a port alone listens on 127.0.0.1' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand train" -l http-host -d 'Accept HTTP requests for these host names too, separated by commas (default: localhost and IP addresses)' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand train" -l metrics-textfile -d 'Write the metrics to FILE at the end, for the textfile collector of node_exporter' -r -F
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand train" -s b -l brokers -d 'Brokers, HOST:PORT separated by commas (default: localhost:9092)' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand train" -s X -d 'Set a librdkafka property, such as sasl.mechanism=PLAIN; may be repeated' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand train" -s F -d 'Read librdkafka properties from FILE, one NAME=VALUE per line, for secrets; -X takes precedence' -r -F
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand train" -l group -d 'Consumer group (default: tweetoscope-COMMAND); its instances share the partitions' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand train" -l transactional-id -d 'Transactional id, unique per instance; an id that is the same after a restart fences the previous process and takes over its partitions immediately, and lets generate continue after the records that it has committed (default: from group, host and process id)' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand train" -l topic -d 'Use topic NAME for records of this type, such as alert=my_alerts; may be repeated' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand train" -l partitions -d 'Number of partitions of created topics, at most 10000; the maximum number of instances that share the work' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand train" -l replication -d 'Replication factor of created topics (default: that of the broker)' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand train" -l from -d 'Start position of a group without committed offsets: earliest, latest (the next record that is written), or group:NAME for the committed offsets of another group, without its state' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand train" -l wait -d 'Exit with status 75 when no broker has answered for this long' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand train" -l tick -d 'Time between commits; with a backlog up to a second, so that commits take at most 5 % of the time' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand train" -l max-replay -d 'Log a WARNING when a restart would replay more than twice this number of records' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand train" -l on-drift -d 'Also train a window when its predictions become worse: when the last 100 errors, in samples that hold the prediction, are larger than those before, or, on a pipe, when the verdict of a report record becomes drift. The model is published without a comparison, and the reason is logged'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand train" -l dry-run -d 'Check the options and the files, then exit without reading records'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand train" -s v -l verbose -d 'Log more on stderr: -v from INFO, -vv from DEBUG (default: from WARNING, or the level in RUST_LOG)'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand train" -s q -l quiet -d 'Log errors only on stderr'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand train" -l kafka -d 'Read and write Kafka topics, exactly once, until SIGINT or SIGTERM'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand train" -l create-topics -d 'Create missing topics, also that of --dead-letter of a service'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand train" -l exit-eof -d 'Exit when this process has read its assigned partitions to their ends'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand train" -l at-least-once -d 'Write without transactions; output may be repeated after a crash'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand train" -l log-topic -d 'Also write the log, from INFO, to the logs topic'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand train" -l without-replay -d 'Start without restored state, to show in a test that restoring matters'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand train" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand train" -s V -l version -d 'Print version'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand monitor" -l every -d 'Emit a report after this many stats of a window; 0: at the end only' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand monitor" -l last -d 'Number of newest stats that the "last" columns summarise' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand monitor" -l fail-above -d 'Exit with status 3 if at the end the mean error of the last stats of any window is above this, such as 0.5, or if there were no stats' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand monitor" -l dead-letter -d 'Append refused records to FILE, each with its place and the reason, as JSON lines; of a service (collect, fit, predict and train with --kafka) FILE is the name of a topic, written in the transaction of the output' -r -F
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand monitor" -l max-line -d 'Refuse longer lines of records, in bytes; tweets and retweets are refused above 1 MiB in any case, and lines of a history, table or post file above 256 MiB' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand monitor" -l log-dir -d 'Also write the log, from INFO, to DIR/COMMAND.log; the file is rotated at 10 MiB or after a day, and the ten newest rotated files are kept, compressed with gzip' -r -F
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand monitor" -l log-format -d 'Format of the log on stderr and in files' -r -f -a "text\t'One line of text per message'
json\t'One JSON object per message, as in the logs topic'"
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand monitor" -l http -d 'Serve /metrics, /healthz and /readyz on ADDR, a HOST:PORT such as 0.0.0.0:9100; a port alone listens on 127.0.0.1' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand monitor" -l http-host -d 'Accept HTTP requests for these host names too, separated by commas (default: localhost and IP addresses)' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand monitor" -l metrics-textfile -d 'Write the metrics to FILE at the end, for the textfile collector of node_exporter' -r -F
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand monitor" -s b -l brokers -d 'Brokers, HOST:PORT separated by commas (default: localhost:9092)' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand monitor" -s X -d 'Set a librdkafka property, such as sasl.mechanism=PLAIN; may be repeated' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand monitor" -s F -d 'Read librdkafka properties from FILE, one NAME=VALUE per line, for secrets; -X takes precedence' -r -F
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand monitor" -l group -d 'Consumer group (default: tweetoscope-COMMAND); its instances share the partitions' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand monitor" -l transactional-id -d 'Transactional id, unique per instance; an id that is the same after a restart fences the previous process and takes over its partitions immediately, and lets generate continue after the records that it has committed (default: from group, host and process id)' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand monitor" -l topic -d 'Use topic NAME for records of this type, such as alert=my_alerts; may be repeated' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand monitor" -l partitions -d 'Number of partitions of created topics, at most 10000' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand monitor" -l replication -d 'Replication factor of created topics (default: that of the broker)' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand monitor" -l from -d 'Start position: earliest, latest (the next record that is written), or group:NAME for the committed offsets of a group' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand monitor" -l wait -d 'Exit with status 75 when no broker has answered for this long' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand monitor" -l tick -d 'Time between commits; with a backlog up to a second, so that commits take at most 5 % of the time' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand monitor" -l max-replay -d 'Approximate maximum number of records to replay at a restart; state that would need more is written to the topic collect_state' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand monitor" -l csv -d 'Write CSV with a header instead of records, also on a terminal'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand monitor" -l plot -d 'Plot the course of the errors on stderr: live where only stderr is a terminal, else as text at the end'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand monitor" -l dry-run -d 'Check the options and the files, then exit without reading records'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand monitor" -s v -l verbose -d 'Log more on stderr: -v from INFO, -vv from DEBUG (default: from WARNING, or the level in RUST_LOG)'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand monitor" -s q -l quiet -d 'Log errors only on stderr'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand monitor" -l kafka -d 'Read Kafka topics, until SIGINT or SIGTERM'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand monitor" -l create-topics -d 'Create missing topics, also that of --dead-letter of a service'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand monitor" -l exit-eof -d 'Exit when all partitions have been read to their ends'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand monitor" -l at-least-once -d 'Write without transactions; output may be repeated after a crash'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand monitor" -l log-topic -d 'Also write the log, from INFO, to the logs topic'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand monitor" -l without-replay -d 'Start without restored state, to show in a test that restoring matters'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand monitor" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand monitor" -s V -l version -d 'Print version'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand run" -l history -d 'Read the cascades of these files, in any format of --format; - is stdin' -r -F
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand run" -l data -d 'Read the cascades of this table of events (CSV, or Parquet where it is built in), one event a row, or, with --index, of the events file of the original system; - is stdin' -r -F
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand run" -l index -d 'File of the original system with the first and last row of each cascade in --data' -r -F
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand run" -l format -d 'Format of the input: x_v11, x_v2, jetstream, mastodon, weibo, csv or history (default: recognise it from the first line)' -r -f -a "x_v11\t''
x_v2\t''
jetstream\t''
mastodon\t''
weibo\t''
csv\t''
history\t''"
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand run" -l missing-root -d 'Treatment of reposts whose original is not in the input: embedded takes the original from the repost and drops reposts without one, first lets the first repost stand for the original, drop drops them (default: embedded; for tables, first; for posts read as they arrive, drop)' -r -f -a "embedded\t''
first\t''
drop\t''"
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand run" -l columns -d 'Columns of a table, such as cid=retweet_of,id=tweet_id,t=created_at,m=followers,msg=text,source=lang (default: recognise their names)' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand run" -l seconds-per-unit -d 'Unit of the times in the input, in seconds, such as 60 for minutes (default: 1; for Unix times in a table, recognise it)' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand run" -l simulate -d 'Simulate this many cascades' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand run" -l p -d 'Infectiousness of simulated cascades in 1/follower: a number, or a range LOW..HIGH to draw from' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand run" -l beta -d 'Decay of simulated cascades in 1/s: a number, or a range LOW..HIGH to draw from' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand run" -l first-mark -d 'Mark of the initial tweet of simulated cascades, in followers' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand run" -l seed -d 'Random seed' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand run" -l sources -d 'Number of sources to which the cascades are assigned, where no column names their sources' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand run" -l live -d 'Number of cascades of a source that are open at the same time' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand run" -l start-range -d 'Start a cascade within this time after the end of the one that it replaces' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand run" -l timeline -d 'Timeline: real keeps the Unix times of the history, dealt shuffles the cascades and assigns them to sources, auto is real where every cascade has a Unix time and dealt otherwise' -r -f -a "auto\t''
real\t''
dealt\t''"
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand run" -l tail -d 'Emit the watermark that ends a source this long after its last event' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand run" -l limit -d 'Stop after this many events, without watermarks (default: replay all)' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand run" -l terminated -d 'Terminate a cascade after this time without an event (default: 30m or the largest window, whichever is larger; where recorded cascades are read, 7d)' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand run" -l min-size -d 'Emit a window only if it contains at least this many events' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand run" -l lateness -d 'Keep the clock this far behind the latest event, so that late events still join their window' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand run" -l max-age -d 'Terminate a cascade at this age (default: 7d)' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand run" -l max-jump -d 'Refuse an event that is further ahead of the clock of its source, such as one in milliseconds; the third such event in a row is accepted: the source was silent (default: 7d; no limit for recorded cascades in `run` and `train`, which are in time order)' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand run" -l at-end -d 'Action at the end of the input; after SIGINT or SIGTERM, always drop' -r -f -a "terminate\t'Terminate every cascade and emit what is pending: the input is complete'
drop\t'Emit nothing more: the input is a recording that was cut'"
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand run" -l max-open-cascades -d 'Maximum number of open cascades per source; further tweets are counted and dropped' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand run" -l max-events-per-cascade -d 'Maximum number of stored events per cascade; further ones are counted in its size only' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand run" -l max-sources -d 'Maximum number of sources; records of further ones are counted and dropped' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand run" -l estimator -d 'Estimate the parameters by maximum a posteriori (map) or maximum likelihood (mle); seismic predicts by SEISMIC instead' -r -f -a "map\t''
mle\t''
seismic\t''"
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand run" -l marks -d 'Distribution of the marks: data (that of the cascade), mean:X, pareto:ALPHA,MINIMUM such as pareto:2.4,10, or file:HISTORY, which is mean:X with the mean mark of a history file' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand run" -l utc-offset -d 'Offset of the local time from UTC in hours: of times in tables that name none, and for features of the time of day' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand run" -l threads -d 'Number of threads (default: number of cores); the output does not depend on it' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand run" -l method -d 'Method of prediction' -r -f -a "auto\t'The model of the window; without one, the growth law, corrected by finished cascades'
growth-law\t'The growth law alone'
seismic\t'SEISMIC\'s estimate of the final size; without one, as hawkes'
hawkes\t'The expected final size of the fitted process'
kernel\t'The final size of the kernel_fit of fit --kernel, of any kernel; without one, as hawkes'
exp\t'The final size of a kernel_fit of this family; without one, as hawkes'
power-law\t'The final size of a kernel_fit of this family; without one, as hawkes'
sum-exp:2\t'The final size of a kernel_fit of this family; without one, as hawkes'
sum-exp:3\t'The final size of a kernel_fit of this family; without one, as hawkes'
seismic-kernel\t'The final size of a kernel_fit of this family; without one, as hawkes'"
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand run" -l level -d 'Nominal probability that the prediction interval contains the final size, between 0 and 1' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand run" -l alert-above -d 'Emit only alerts that predict more than this many events, each with the probability of more (default: all alerts)' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand run" -l above -d 'Add to each alert, for each of these numbers of events, such as 1000,10000, the probability of more and the expected time until then; emits all alerts' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand run" -l max-pending -d 'Maximum number of predictions pending for their size; the oldest are dropped first' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand run" -l pin -d 'Use this version for its window, such as 600-3, even if there is a newer one; may be repeated, once per window' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand run" -l newest -d 'Maximum number of samples per window; the newest are used' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand run" -l trees -d 'Number of trees of a forest, 1 to 2000; with fewer than 20, intervals are too wide' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand run" -l target -d 'Quantity that the forest predicts' -r -f -a "log-ratio\t'ln(N / n), from all features'
omega\t'omega, from beta, n* and G1, as in the original system'"
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand run" -l aggregate -d 'Statistic of the samples in a leaf that is its prediction' -r -f -a "relative-median\t'Median of ln(N / n) with the weights n/N, which minimizes the mean absolute relative error'
median\t'Median'
mean\t'Mean: of ln(N / n), with --target omega of omega'"
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand run" -l parquet -d 'Write the columns of --csv to this Parquet file, and no records; an evaluation writes its predictions with --predictions FILE.parquet' -r -F
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand run" -l models -d 'Start with the models in this folder, and write new ones to it (default: start untrained)' -r -F
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand run" -l params -d 'Take defaults from a params.config or a collector.ini of the original system; options take precedence; may be repeated' -r -F
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand run" -l folds -d 'Evaluate by cross-validation instead: assign the cascades to K folds, predict each fold with models trained on the others, and print the errors of every method at each of --windows (default with --folds: 5m,10m,20m,30m,1h,2h,6h). The final size is that at --max-age' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand run" -l split -d 'Evaluate in time order instead: predict each cascade at each of --windows by models of the cascades that had finished before, --terminated after their last event (default: 30m), and print the errors of every method. Cascades without a Unix time are left out; where none has one, the order is random and each begins when the one before is finished' -r -f -a "time\t'Learn from the cascades that had finished'"
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand run" -l curve-by -d 'Evaluate by the number of finished cascades instead: for each of NUMBERS, train on that many cascades of one half, predict at most 400 cascades of the other half at each of --windows, and print the mean error of every method; for example 0,5,10,20,50,100,200,500' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand run" -l draws -d 'Number of random draws of --curve-by; the errors are pooled over them' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand run" -l growth-law -d 'Constants of the growth law in the evaluation, six numbers (default: those of the program): an evaluation on a platform that they were fitted to needs constants of other platforms' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand run" -l kernels -d 'Also score these kernels, each fitted to each cascade, by their expected final size: exp, power-law, sum-exp:2, sum-exp:3, seismic-kernel, and in a fitted finite population (HawkesN) exp-n, power-law-n' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand run" -l report -d 'Write a report to FILE: one HTML page without requests, with errors, learning curve, calibration, predicted against final sizes, the ten worst misses, a summary of the data and a model card. Without --folds and --split, run emits its predictions as usual, and the report is that of --split time on the same cascades' -r -F
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand run" -l predictions -d 'Write the predictions of the evaluation to FILE: as JSON lines, or, where its name ends with .csv or .parquet, as a table of the predictions of every method, with the true final size and the error' -r -F
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand run" -l truth -d 'Write the true final size of each prediction to FILE: as JSON lines, or as a table as --predictions does' -r -F
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand run" -l dead-letter -d 'Append refused records to FILE, each with its place and the reason, as JSON lines; of a service (collect, fit, predict and train with --kafka) FILE is the name of a topic, written in the transaction of the output' -r -F
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand run" -l max-line -d 'Refuse longer lines of records, in bytes; tweets and retweets are refused above 1 MiB in any case, and lines of a history, table or post file above 256 MiB' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand run" -l log-dir -d 'Also write the log, from INFO, to DIR/COMMAND.log; the file is rotated at 10 MiB or after a day, and the ten newest rotated files are kept, compressed with gzip' -r -F
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand run" -l log-format -d 'Format of the log on stderr and in files' -r -f -a "text\t'One line of text per message'
json\t'One JSON object per message, as in the logs topic'"
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand run" -l http -d 'Serve /metrics, /healthz and /readyz on ADDR, a HOST:PORT such as 0.0.0.0:9100; a port alone listens on 127.0.0.1' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand run" -l http-host -d 'Accept HTTP requests for these host names too, separated by commas (default: localhost and IP addresses)' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand run" -l metrics-textfile -d 'Write the metrics to FILE at the end, for the textfile collector of node_exporter' -r -F
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand run" -l windows -d 'Observation windows, ascending, in whole seconds, such as 10m,1h,6h; a number alone is in seconds' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand run" -l exact-times -d 'Keep fractions of seconds (default: round event times to whole seconds)'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand run" -l curve -d 'Add the expected growth to alerts: pairs [seconds after the end of the window, events]'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand run" -l explain -d 'Add to alerts why they predict this size: contributions of the features to ln(n_tot / n_obs), the average that they start from, and the largest ones in words'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand run" -l on-drift -d 'Also train a window when its predictions become worse: when the last 100 errors, in samples that hold the prediction, are larger than those before, or, on a pipe, when the verdict of a report record becomes drift. The model is published without a comparison, and the reason is logged'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand run" -l no-learn -d 'Do not train'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand run" -l csv -d 'Print alerts, or with --folds, --split or --curve-by the evaluation, as CSV with all digits'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand run" -l plot -d 'Also plot the mean error of every method against the window, as text'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand run" -l calibration -d 'Print the calibration instead of the errors: the share of final sizes in intervals of 50, 80, 90 and 95 %, and in each tenth of the predicted distribution (PIT histogram); with --plot also as bars of text'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand run" -l dry-run -d 'Check the options and the files, then exit without reading records'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand run" -s v -l verbose -d 'Log more on stderr: -v from INFO, -vv from DEBUG (default: from WARNING, or the level in RUST_LOG)'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand run" -s q -l quiet -d 'Log errors only on stderr'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand run" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand run" -s V -l version -d 'Print version'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand dashboard" -l top -d 'Number of cascades to show' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand dashboard" -l above -d 'Show the probability of more than N events (default: the smallest N in the alert); alerts contain probabilities where predict runs with --alert-above or --above' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand dashboard" -l dead-letter -d 'Append refused records to FILE, each with its place and the reason, as JSON lines; of a service (collect, fit, predict and train with --kafka) FILE is the name of a topic, written in the transaction of the output' -r -F
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand dashboard" -l max-line -d 'Refuse longer lines of records, in bytes; tweets and retweets are refused above 1 MiB in any case, and lines of a history, table or post file above 256 MiB' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand dashboard" -l log-dir -d 'Also write the log, from INFO, to DIR/COMMAND.log; the file is rotated at 10 MiB or after a day, and the ten newest rotated files are kept, compressed with gzip' -r -F
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand dashboard" -l log-format -d 'Format of the log on stderr and in files' -r -f -a "text\t'One line of text per message'
json\t'One JSON object per message, as in the logs topic'"
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand dashboard" -l http -d 'Serve /metrics, /healthz and /readyz on ADDR, a HOST:PORT such as 0.0.0.0:9100; a port alone listens on 127.0.0.1' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand dashboard" -l http-host -d 'Accept HTTP requests for these host names too, separated by commas (default: localhost and IP addresses)' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand dashboard" -l metrics-textfile -d 'Write the metrics to FILE at the end, for the textfile collector of node_exporter' -r -F
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand dashboard" -s b -l brokers -d 'Brokers, HOST:PORT separated by commas (default: localhost:9092)' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand dashboard" -s X -d 'Set a librdkafka property, such as sasl.mechanism=PLAIN; may be repeated' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand dashboard" -s F -d 'Read librdkafka properties from FILE, one NAME=VALUE per line, for secrets; -X takes precedence' -r -F
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand dashboard" -l group -d 'Consumer group (default: tweetoscope-COMMAND); its instances share the partitions' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand dashboard" -l transactional-id -d 'Transactional id, unique per instance; an id that is the same after a restart fences the previous process and takes over its partitions immediately, and lets generate continue after the records that it has committed (default: from group, host and process id)' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand dashboard" -l topic -d 'Use topic NAME for records of this type, such as alert=my_alerts; may be repeated' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand dashboard" -l partitions -d 'Number of partitions of created topics, at most 10000' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand dashboard" -l replication -d 'Replication factor of created topics (default: that of the broker)' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand dashboard" -l from -d 'Start position: earliest, latest (the next record that is written), or group:NAME for the committed offsets of a group' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand dashboard" -l wait -d 'Exit with status 75 when no broker has answered for this long' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand dashboard" -l tick -d 'Time between commits; with a backlog up to a second, so that commits take at most 5 % of the time' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand dashboard" -l max-replay -d 'Approximate maximum number of records to replay at a restart; state that would need more is written to the topic collect_state' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand dashboard" -l ended -d 'Also show cascades that are over, with their final sizes'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand dashboard" -l dry-run -d 'Check the options and the files, then exit without reading records'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand dashboard" -s v -l verbose -d 'Log more on stderr: -v from INFO, -vv from DEBUG (default: from WARNING, or the level in RUST_LOG)'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand dashboard" -s q -l quiet -d 'Log errors only on stderr'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand dashboard" -l kafka -d 'Read Kafka topics, until SIGINT or SIGTERM'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand dashboard" -l create-topics -d 'Create missing topics, also that of --dead-letter of a service'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand dashboard" -l exit-eof -d 'Exit when all partitions have been read to their ends'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand dashboard" -l at-least-once -d 'Write without transactions; output may be repeated after a crash'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand dashboard" -l log-topic -d 'Also write the log, from INFO, to the logs topic'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand dashboard" -l without-replay -d 'Start without restored state, to show in a test that restoring matters'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand dashboard" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand dashboard" -s V -l version -d 'Print version'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand log" -l levels -d 'Print the messages of these levels only, separated by commas, such as warning,error,critical; the levels are trace, debug, info, warning, error and critical (default: all)' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand log" -l sources -d 'Print the messages of these stages only, the names of the commands that logged them, separated by commas, such as collect,fit (default: all)' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand log" -l into -d 'Write to the file DIR/tweetoscope.log instead of stdout; the file is rotated at 10 MiB or after a day, and the ten newest rotated files are kept, compressed with gzip' -r -F
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand log" -l dead-letter -d 'Append refused records to FILE, each with its place and the reason, as JSON lines; of a service (collect, fit, predict and train with --kafka) FILE is the name of a topic, written in the transaction of the output' -r -F
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand log" -l max-line -d 'Refuse longer lines of records, in bytes; tweets and retweets are refused above 1 MiB in any case, and lines of a history, table or post file above 256 MiB' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand log" -l log-dir -d 'Also write the log, from INFO, to DIR/COMMAND.log; the file is rotated at 10 MiB or after a day, and the ten newest rotated files are kept, compressed with gzip' -r -F
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand log" -l log-format -d 'Format of the log on stderr and in files' -r -f -a "text\t'One line of text per message'
json\t'One JSON object per message, as in the logs topic'"
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand log" -l http -d 'Serve /metrics, /healthz and /readyz on ADDR, a HOST:PORT such as 0.0.0.0:9100; a port alone listens on 127.0.0.1' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand log" -l http-host -d 'Accept HTTP requests for these host names too, separated by commas (default: localhost and IP addresses)' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand log" -l metrics-textfile -d 'Write the metrics to FILE at the end, for the textfile collector of node_exporter' -r -F
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand log" -s b -l brokers -d 'Brokers, HOST:PORT separated by commas (default: localhost:9092)' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand log" -s X -d 'Set a librdkafka property, such as sasl.mechanism=PLAIN; may be repeated' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand log" -s F -d 'Read librdkafka properties from FILE, one NAME=VALUE per line, for secrets; -X takes precedence' -r -F
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand log" -l group -d 'Consumer group (default: tweetoscope-COMMAND); its instances share the partitions' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand log" -l transactional-id -d 'Transactional id, unique per instance; an id that is the same after a restart fences the previous process and takes over its partitions immediately, and lets generate continue after the records that it has committed (default: from group, host and process id)' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand log" -l topic -d 'Use topic NAME for records of this type, such as alert=my_alerts; may be repeated' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand log" -l partitions -d 'Number of partitions of created topics, at most 10000' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand log" -l replication -d 'Replication factor of created topics (default: that of the broker)' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand log" -l from -d 'Start position: earliest, latest (the next record that is written), or group:NAME for the committed offsets of a group' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand log" -l wait -d 'Exit with status 75 when no broker has answered for this long' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand log" -l tick -d 'Time between commits; with a backlog up to a second, so that commits take at most 5 % of the time' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand log" -l max-replay -d 'Approximate maximum number of records to replay at a restart; state that would need more is written to the topic collect_state' -r
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand log" -s f -l follow -d 'At the end of the files, wait for new messages, also where a file is replaced by rotation, until SIGINT or SIGTERM'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand log" -l json -d 'Print the messages as log records, JSON, instead of columns of text'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand log" -l dry-run -d 'Check the options and the files, then exit without reading records'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand log" -s v -l verbose -d 'Log more on stderr: -v from INFO, -vv from DEBUG (default: from WARNING, or the level in RUST_LOG)'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand log" -s q -l quiet -d 'Log errors only on stderr'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand log" -l kafka -d 'Read Kafka topics, until SIGINT or SIGTERM'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand log" -l create-topics -d 'Create missing topics, also that of --dead-letter of a service'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand log" -l exit-eof -d 'Exit when all partitions have been read to their ends'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand log" -l at-least-once -d 'Write without transactions; output may be repeated after a crash'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand log" -l log-topic -d 'Also write the log, from INFO, to the logs topic'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand log" -l without-replay -d 'Start without restored state, to show in a test that restoring matters'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand log" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand log" -s V -l version -d 'Print version'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand help; and not __fish_seen_subcommand_from generate collect fit predict train monitor run dashboard log" -f -a "generate" -d 'Replay recorded cascades, or simulate cascades, as a stream of tweets'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand help; and not __fish_seen_subcommand_from generate collect fit predict train monitor run dashboard log" -f -a "collect" -d 'Group tweets into cascades, and emit their observation windows and final sizes'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand help; and not __fish_seen_subcommand_from generate collect fit predict train monitor run dashboard log" -f -a "fit" -d 'Fit a marked Hawkes process to the observed events of each cascade'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand help; and not __fish_seen_subcommand_from generate collect fit predict train monitor run dashboard log" -f -a "predict" -d 'Predict the final size of each fitted cascade, and score the prediction when the size is known'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand help; and not __fish_seen_subcommand_from generate collect fit predict train monitor run dashboard log" -f -a "train" -d 'Learn from finished cascades how large the cascades of each window become'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand help; and not __fish_seen_subcommand_from generate collect fit predict train monitor run dashboard log" -f -a "monitor" -d 'Report the errors of the predictions, and whether they have become worse'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand help; and not __fish_seen_subcommand_from generate collect fit predict train monitor run dashboard log" -f -a "run" -d 'Run the whole system in one process: collect, fit, predict, train and monitor'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand help; and not __fish_seen_subcommand_from generate collect fit predict train monitor run dashboard log" -f -a "dashboard" -d 'Show the cascades with the largest predictions, live in the terminal or as a web page'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand help; and not __fish_seen_subcommand_from generate collect fit predict train monitor run dashboard log" -f -a "log" -d 'Merge the logs of all stages by time, filter them, and print or store them'
complete -c tweetoscope -n "__fish_tweetoscope_using_subcommand help; and not __fish_seen_subcommand_from generate collect fit predict train monitor run dashboard log" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'

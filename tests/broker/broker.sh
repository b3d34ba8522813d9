#!/usr/bin/env bash
#
# A real Apache Kafka for tests: one KRaft node on 127.0.0.1, made of jars from Maven Central.
#
#   broker.sh start DIR PORT [OPTION...]         start, with the data that DIR may already hold
#   broker.sh stop DIR                           end it in order
#   broker.sh kill9 DIR                          end it as a crash would
#   broker.sh restart DIR                        stop it where it runs, start it as it was
#   broker.sh unregister DIR                     let it answer that the cluster has no broker, until a restart
#   broker.sh wipe DIR                           end it and remove all that it wrote
#   broker.sh topics DIR create NAME PARTITIONS [config=value...]
#   broker.sh topics DIR list | describe [NAME] | delete NAME
#
# `start` and `restart` return when the broker answers, and print its addresses, one a line:
#
#   127.0.0.1:PORT                    no encryption, no login; whoever comes this way may do everything
#   tls 127.0.0.1:PORT+2 CA.pem       with --tls: a certificate of its own, for 127.0.0.1 and localhost
#   sasl 127.0.0.1:PORT+3             with --sasl: SASL/PLAIN without encryption. alice (password
#                                     alice-secret) may do everything, bob (bob-secret) everything but
#                                     write to a topic named `forbidden`
#
# With --short-session a restart after kill9 takes 2 s, and otherwise 11 s: a controller takes a killed
# broker for alive until its session ends, and refuses the restarted one as a duplicate until then. On a
# busy machine a running broker may miss a short session, and is then without partitions for a moment.
#
# PORT+1 is the controller's, so leave four ports to each broker. Take them below 32768: above, the kernel
# may have lent one to an outgoing connection.
#
# Exit status: 0 done; 1 failed, as stderr says; 2 wrong usage; 69 no broker can be had here, since java
# (17 or newer) or maven is missing or the jars cannot be fetched: skip, or fail where tests must not be
# skipped; 75 a port is busy: take another.
#
# The first start of a checkout fetches the jars (43 MB) into target/kafka-*, formats an empty log, and runs
# a broker once to archive its loaded classes (50 MB), which halves the time of every later start. Needs
# `flock` for that step to be safe against itself. Nothing is written outside DIR, target/ and ~/.m2.
#
# DIR holds: server.properties, out.log (and out.log.old, of the run before), pid, address, data/, tmp/,
# ca.pem and broker.p12 with --tls, and the link kafka to the jars. BROKER_JVM holds more flags for the
# broker's JVM, which beat those below: -Xmx1g for more memory, -Dbroker.log=info for all that it does,
# -XX:TieredStopAtLevel=4 for the second compiler (writing two million records cost it 70 % more CPU and
# gained nothing on two cores; it may pay in a longer run).

# shellcheck disable=SC2030,SC2031 # archive_classes has a dir and kit of its own, in a subshell, on purpose
set -euo pipefail
unset CDPATH

here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd -P)
target=${here%/*/*}/target
# Started and thrown away often, mostly idle: the first compiler only and the simplest collector.
# Libraries unpack native code into tmpdir, and a killed JVM leaves it there.
jvm=(-Xms64m -Xmx384m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -XX:+ExitOnOutOfMemoryError -XX:-UsePerfData
     -Djdk.nio.maxCachedBufferSize=1048576 -Djava.io.tmpdir=tmp -Dlog4j2.configurationFile=kafka/log4j2.properties)
# In the C locale, as in a bare CI, Java cannot open a file below a directory named with more than ASCII.
utf8=(env LC_ALL=C.UTF-8)

say() { printf 'broker.sh: %s\n' "$*" >&2; }
die() { local status=$1; shift; say "$@"; exit "$status"; }
usage() { sed -n '4,12s/^# *//p' "$here/broker.sh" >&2; exit 2; }
unavailable() { die 69 "no test broker here: $*"; }

# --- What all brokers of a checkout share: jars, an empty formatted log, archives of loaded classes.

# Sets java and kit. The kit is named by what it is made of, and appears whole or not at all.
find_kit() {
  java=${JAVA_HOME:+$JAVA_HOME/bin/java}
  [ -x "$java" ] || java=$(command -v java) || unavailable "java is missing (17 or newer)"
  local version
  version=$("$java" -version 2>&1) || unavailable "$java does not run: $version"
  [[ $version =~ version\ \"([0-9]+) && ${BASH_REMATCH[1]} -ge 17 ]] ||
    unavailable "java 17 or newer is wanted, and $java is: ${version%%$'\n'*}"
  kit=$target/kafka-$(printf '%s' "$version" | cat "$here/pom.xml" "$here/log4j2.properties" - | cksum | cut -d' ' -f1)
}

# make_kit PORT: PORT is for the broker that is run once.
make_kit() {
  [ ! -d "$kit" ] || return 0
  command -v mvn >/dev/null || unavailable "maven (mvn) is missing, and the jars are not fetched yet"
  mkdir -p "$target"
  exec 9>"$target/kafka.lock"
  if command -v flock >/dev/null; then flock 9; fi
  if [ ! -d "$kit" ]; then
    new=$(mktemp -d "$target/kafka-new.XXXXXX")
    trap 'rm -rf -- "$new"' EXIT
    say "fetching Apache Kafka with maven, once for this checkout"
    "${utf8[@]}" mvn -B -q -C -ntp -f "$here/pom.xml" dependency:copy-dependencies -DincludeScope=runtime \
      -DoutputDirectory="$new/lib" </dev/null >"$new/mvn.log" 2>&1 9>&- ||
      { tail -n 20 "$new/mvn.log" >&2; unavailable "maven could not fetch the jars"; }
    archive_classes "$1"
    mv -- "$new" "$kit"
    trap - EXIT
  fi
  exec 9>&-
}

archive_classes() (
  kit=$new
  cp -- "$here/log4j2.properties" "$kit/"
  # Class archives hold for one spelling of the class path only, hence relative, through the link in DIR:
  # so they stay good in a moved or copied checkout. (Where this path has a blank or the like, Java 17
  # leaves the class path's own classes out of them, and a broker starts as slowly as without.)
  (cd "$kit" && printf ':kafka/%s' lib/*.jar | cut -c2-) >"$kit/classpath"
  dir=$kit/trial
  mkdir "$dir"
  enter
  configure "$1"
  # Any 16 bytes in base64 will do. The same for all: a test should not depend on it.
  run_java kafka.tools.StorageTool format --cluster-id dHdlZXRvc2NvcGV0ZXN0cw --config server.properties >format.log 2>&1 ||
    { cat format.log >&2; die 1 "the log could not be formatted"; }
  cp -R data ../formatted
  launch -XX:ArchiveClassesAtExit=kafka/broker.jsa
  tool -XX:ArchiveClassesAtExit=kafka/tools.jsa TopicCommand --create --topic trial >/dev/null 2>&1
  end TERM
  rm -rf -- "$dir"
)

# --- One broker. Functions below work in DIR.

enter() { cd -- "$dir" && ln -sfn "$kit" kafka && mkdir -p tmp; }

run_java() { "${utf8[@]}" "$java" "${jvm[@]}" -cp "$(<kafka/classpath)" "$@"; }

# tool [-FLAG] CLASS ARGUMENT...: one of Kafka's own command line tools.
tool() {
  local archive=-XX:SharedArchiveFile=kafka/tools.jsa
  case $1 in -*) archive=$1; shift ;; esac
  local class=$1; shift
  run_java "$archive" -Dbroker.log=off "org.apache.kafka.tools.$class" --bootstrap-server "$(head -n 1 address)" "$@"
}

# configure PORT [OPTION...]: writes server.properties and address.
configure() {
  local port=$1 tls='' sasl='' short='' option; shift
  for option; do
    case $option in --tls) tls=1 ;; --sasl) sasl=1 ;; --short-session) short=1 ;; *) usage ;; esac
  done
  local listeners=PLAINTEXT://127.0.0.1:$port,CONTROLLER://127.0.0.1:$((port + 1))
  listeners+=${tls:+,TLS://127.0.0.1:$((port + 2))}${sasl:+,SASL://127.0.0.1:$((port + 3))}
  {
    cat "$here/server.properties"
    echo
    echo "listeners=$listeners"
    echo "listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,TLS:SSL,SASL:SASL_PLAINTEXT"
    echo "inter.broker.listener.name=PLAINTEXT"
    echo "controller.listener.names=CONTROLLER"
    echo "controller.quorum.voters=1@127.0.0.1:$((port + 1))"
    if [ -n "$short" ]; then printf '%s\n' broker.session.timeout.ms=1000 broker.heartbeat.interval.ms=200; fi
    if [ -n "$tls" ]; then tls_properties; fi
    if [ -n "$sasl" ]; then sasl_properties; fi
  } >server.properties
  {
    echo "127.0.0.1:$port"
    if [ -n "$tls" ]; then echo "tls 127.0.0.1:$((port + 2)) $dir/ca.pem"; fi
    if [ -n "$sasl" ]; then echo "sasl 127.0.0.1:$((port + 3))"; fi
  } >address
}

tls_properties() {
  cat <<'PROPERTIES'
listener.name.tls.ssl.keystore.type=PKCS12
listener.name.tls.ssl.keystore.location=broker.p12
listener.name.tls.ssl.keystore.password=not-a-secret
PROPERTIES
}

make_certificate() {
  [ ! -f ca.pem ] || return 0
  local keytool=${java%java}keytool store=(-keystore broker.p12 -storepass not-a-secret -alias broker)
  [ -x "$keytool" ] || unavailable "$keytool is missing, and --tls needs it"
  rm -f broker.p12
  "$keytool" -genkeypair "${store[@]}" -storetype PKCS12 -keyalg EC -validity 3650 -dname CN=tweetoscope-test-broker \
    -ext san=ip:127.0.0.1,dns:localhost 2>keytool.log || { cat keytool.log >&2; die 1 "no certificate"; }
  "$keytool" -exportcert -rfc "${store[@]}" >ca.pem 2>keytool.log || { cat keytool.log >&2; rm ca.pem; die 1 "no certificate"; }
}

# On the listeners without a login everybody is ANONYMOUS, the broker itself included.
sasl_properties() {
  cat <<'PROPERTIES'
listener.name.sasl.sasl.enabled.mechanisms=PLAIN
listener.name.sasl.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required user_alice="alice-secret" user_bob="bob-secret";
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
allow.everyone.if.no.acl.found=true
super.users=User:ANONYMOUS;User:alice
PROPERTIES
}

# A topic with a rule is open to nobody whom no rule names: so bob is allowed all that is not writing.
forbid() {
  tool AclCommand --add --allow-principal User:bob --operation Read --operation Describe --topic forbidden >acl.log 2>&1 ||
    { cat acl.log >&2; end KILL; die 1 "the rule on topic forbidden was not taken"; }
}

# running: is the process that start noted still this broker? A number alone could have passed to another
# process; a zombie, where nobody reaps, still has one but no command line.
running() {
  [ -f "$dir/pid" ] || return 1
  pid=$(<"$dir/pid")
  kill -0 "$pid" 2>/dev/null || return 1
  [ ! -d /proc/self ] || grep -qszxF -- "-Dbroker.dir=$dir" "/proc/$pid/cmdline"
}

# launch [FLAG...]: starts the JVM and waits until it answers. Away from our terminal, our process group and
# our file descriptors: a caller that reads our output must see it end.
launch() {
  local detach extra
  detach=$(command -v setsid || command -v nohup)
  read -r -a extra <<<"${BROKER_JVM:-}"
  rm -rf tmp && mkdir tmp
  if [ -f out.log ]; then mv -f out.log out.log.old; fi
  : >out.log
  "$detach" "${utf8[@]}" "$java" "${jvm[@]}" ${extra[@]+"${extra[@]}"} "$@" "-Dbroker.dir=$dir" \
    -cp "$(<kafka/classpath)" kafka.Kafka server.properties </dev/null >>out.log 2>&1 9>&- &
  pid=$!
  echo "$pid" >pid
  trap 'kill -9 "$pid"; exit 1' INT TERM
  local deadline=$((SECONDS + 60))
  until grep -qF 'Kafka Server started' out.log; do
    if ! kill -0 "$pid" 2>/dev/null; then
      rm -f pid
      if grep -qF 'Address already in use' out.log; then die 75 "a port of $(head -n 1 address) to $(last_port) is busy"; fi
      tail -n 20 out.log >&2
      die 1 "the broker ended while starting, see $dir/out.log"
    fi
    if [ "$SECONDS" -ge "$deadline" ]; then
      tail -n 20 out.log >&2
      end KILL
      die 1 "the broker was not up in 60 s, see $dir/out.log"
    fi
    sleep 0.02
  done
  trap - INT TERM
}

last_port() { local port; port=$(head -n 1 address); echo $((${port#*:} + 3)); }

# end SIGNAL: also where the broker was halted by SIGSTOP. Returns when the process is gone, so that its
# ports and its lock on the data are free.
end() {
  running || die 1 "no broker runs in $dir"
  kill -s "$1" "$pid"
  kill -s CONT "$pid" 2>/dev/null || true
  local deadline=$((SECONDS + 60))
  while running; do
    if [ "$SECONDS" -ge "$deadline" ]; then die 1 "process $pid did not end in 60 s: try kill9"; fi
    sleep 0.02
  done
  rm -f "$dir/pid"
}

refuse_busy() {
  local port
  for port; do
    if (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then die 75 "port $port is busy"; fi
  done
}

start() {
  local port=$1 option
  [[ $port =~ ^[0-9]{4,5}$ && $port -ge 1024 && $port -le 65532 ]] || die 2 "PORT is a number from 1024 to 65532, not '$port'"
  local ports=("$port" $((port + 1)))
  for option in "${@:2}"; do
    case $option in --tls) ports+=($((port + 2))) ;; --sasl) ports+=($((port + 3))) ;; --short-session) ;; *) usage ;; esac
  done
  if running; then die 1 "a broker runs in $dir already, as process $pid"; fi
  find_kit
  refuse_busy "${ports[@]}"
  make_kit "$port"
  enter
  configure "$@"
  if [[ " $* " == *' --tls '* ]]; then make_certificate; fi
  if [ ! -d data ]; then cp -R kafka/formatted data.new && mv data.new data; fi
  launch -XX:SharedArchiveFile=kafka/broker.jsa
  if [[ " $* " == *' --sasl '* ]]; then forbid; fi
  cat address
}

restart() {
  if running; then end TERM; fi
  [ -f "$dir/address" ] || die 1 "no broker was ever started in $dir"
  find_kit
  local port
  port=$(head -n 1 "$dir/address")
  make_kit "${port#*:}"
  enter
  launch -XX:SharedArchiveFile=kafka/broker.jsa
  cat address
}

# It then does not end by SIGTERM: use kill9.
unregister() {
  running || die 1 "no broker runs in $dir"
  find_kit
  cd -- "$dir"
  run_java -XX:SharedArchiveFile=kafka/tools.jsa -Dbroker.log=off org.apache.kafka.tools.ClusterTool unregister \
    --bootstrap-server "$(head -n 1 address)" --id 1
}

wipe() {
  if running; then end KILL; fi
  [ -f "$dir/address" ] || die 1 "no broker was ever started in $dir, so it is left alone"
  cd -- "$dir"
  rm -rf -- data data.new tmp kafka server.properties address pid {out,keytool,acl}.log out.log.old broker.p12 ca.pem hs_err_pid*.log
  cd /
  rmdir -- "$dir" 2>/dev/null || true # something else lives there too
}

topics() {
  running || die 1 "no broker runs in $dir"
  find_kit
  cd -- "$dir"
  local action=${1:-} config configs=()
  case $action/$# in
    create/[01]|create/2) usage ;;
    create/*)
      for config in "${@:4}"; do configs+=(--config "$config"); done
      tool TopicCommand --create --topic "$2" --partitions "$3" ${configs[@]+"${configs[@]}"} ;;
    list/1) tool TopicCommand --list --exclude-internal ;;
    describe/1) tool TopicCommand --describe --exclude-internal ;;
    describe/2) tool TopicCommand --describe --topic "$2" ;;
    delete/2) tool TopicCommand --delete --topic "$2" ;;
    *) usage ;;
  esac
}

if [ $# -lt 2 ] || [ -z "$2" ]; then usage; fi
command=$1 dir=$2
shift 2
case $command/$# in
  start/[1234]) mkdir -p -- "$dir" ;;
  stop/0 | kill9/0 | restart/0 | unregister/0 | topics/*) [ -d "$dir" ] || die 1 "no broker was ever started in $dir" ;;
  wipe/0) [ -d "$dir" ] || exit 0 ;;
  *) usage ;;
esac
dir=$(cd -- "$dir" && pwd -P)
case $command in
  stop) end TERM ;;
  kill9) end KILL ;;
  *) "$command" "$@" ;;
esac

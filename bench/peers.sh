# The crawlers' command lines; sourced.
# cmd_of NAME[=COMMAND] URL OUTDIR CONCURRENCY: one command line, to be split on blanks (wrap it in a script for quoting).
# A name that is not listed is taken from the environment: PEER_<name>='cmd {url} {out} {conc}'.
SKIP='png,jpg,jpeg,gif,svg,css,js,ico,pdf,zip,gz,tgz,tar,woff,woff2,txt,xml,py,c,h'
cmd_of() {
  local n=$1 u=$2 o=$3 c=$4 p=$HERE/peers b=$BENCH_DIR v
  case $n in
    *=*) v=${n#*=} ;;
    crawl) v="$CRAWL --seed {url} --rate unlimited --host-concurrency {conc} --concurrency {conc} -q -o {out}/crawl" ;;
    spider) v="$b/bin/spiderbench {url} {out} {conc}" ;;
    scrapy) v="$PY $p/scrapy_bench.py {url} {out} {conc}" ;;
    scrapy-fast) v="env SCRAPY_FAST=1 $PY $p/scrapy_bench.py {url} {out} {conc}" ;;
    crawlee) v="node $b/node/crawlee_bench.mjs {url} {out} {conc}" ;;
    wget) v="wget -q -r -l inf -np --follow-tags=a,area -e robots=off -R $SKIP -P {out} {url}" ;;
    wget2) v="wget2 -q -r -l 0 -np --follow-tags=a/href,area/href --robots=off --max-threads={conc} --no-compression -R $SKIP --http2=off -P {out} {url}" ;;
    httrack) v="httrack {url} -O {out} -q -%v0 -s0 -c{conc} -%c0 -A0 --disable-security-limits -r99999 -I0 -N0 -p1 -K0 -b0 -f0 -*.png -*.gif -*.jpg -*.svg -*.css -*.js -*.pdf -*.zip -*.gz" ;;
    *) v=PEER_${n//-/_}; v=${!v:-}; [ -n "$v" ] || die "unknown crawler $n (set PEER_${n//-/_}='cmd {url} {out} {conc}')" ;;
  esac
  v=${v//\{url\}/$u}; v=${v//\{out\}/$o}; echo "${v//\{conc\}/$c}"
}
# wget2 1.99.1 does not exit by itself on these corpora (all its pages are there after 2 s, then it sits idle): it is ended
# after a while, still reaped and its CPU counted. Its wall is therefore the time to the last answer (table.py).
cap_of() { case $1 in wget2) echo "${WGET2_CAP:-12}" ;; *) echo "$2" ;; esac; }

# one RESULTS NAME OUTDIR TIMEOUT [OPTIONS OF runone.py] -- COMMAND...: runs it, appends a line to RESULTS.
one() {
  local res=$1 name=$2 out=$3 cap=$4; shift 4
  mkdir -p "$out"; sync -f "$out"
  "$PY" "$HERE/runone.py" --name "$name" --out "$out" --timeout "$cap" "$@" >> "$res"
  tail -n 1 "$res" | cut -c 1-160 >&2
}

#!/bin/sh
# The gate once a day, with dated reports. In crontab -e:
#   0 9 * * * /path/to/project/gate-daily.sh
# cron mails what this prints: nothing on GO<% if allow_warning %> and WARNING<% endif %>, else one line with the reason.
set -eu
cd "$(dirname "$0")"
PATH="$PWD/.venv/bin:$PATH"
<% if url %>
export PROMETHEUS_URL=<< url|shell >>
<% endif %>
report=${GATE_REPORTS:-$PWD/gate-reports}/gate_check_$(date +%Y%m%d)
mkdir -p "$(dirname "$report")"
rm -f "$report".*
code=0
pytest -p deploygate<< checks >> --gate-json "$report.json" \
  --gate-junit "$report.xml" --gate-html "$report.html" > "$report.log" 2>&1 || code=$?
deploygate verify "$report.json" --exit-code "$code"<< verify >><< allowed >> >> "$report.log"

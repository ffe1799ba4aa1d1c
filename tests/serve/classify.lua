-- POSTs photos to /api/classify, one after the other: wrk -t1 -c16 -d60s -s classify.lua http://127.0.0.1:8080 -- PHOTO...
-- The last line is for load.py: requests, microseconds, answers that were no 200, and p50, p99 in microseconds.
local requests, at = {}, 0

function init(arguments)
  for _, path in ipairs(arguments) do
    local file = assert(io.open(path, "rb"))
    requests[#requests + 1] = wrk.format("POST", "/api/classify", nil, file:read("*a"))
    file:close()
  end
  assert(#requests > 0, "no photos were named")
end

function request()
  at = at % #requests + 1
  return requests[at]
end

function done(summary, latency)
  local errors = summary.errors
  local bad = errors.connect + errors.read + errors.write + errors.status + errors.timeout
  print(string.format("result %d %d %d %d %d", summary.requests, summary.duration, bad, latency:percentile(50),
                      latency:percentile(99)))
end

-- For wrk: every request with another value of a parameter that says nothing.
local asked = 0

function request()
   asked = asked + 1
   return wrk.format(nil, wrk.path .. (wrk.path:find("?", 1, true) and "&" or "?") .. "asked=" .. asked)
end

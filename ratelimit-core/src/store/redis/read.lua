-- The records of the entries KEYS behind the time, which is also what they are judged by.
local time = redis.call('TIME')
local reply = { time[1], time[2] }
for index = 1, #KEYS do
  reply[index + 2] = redis.call('GET', KEYS[index])
end
return reply

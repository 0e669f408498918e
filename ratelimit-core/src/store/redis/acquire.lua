-- Plays acquires and charges by built-in rates, one after the other: what `Ask::judge` does, on the same records.
--
-- KEYS   the records of the asks' entries, ask by ask.
-- ARGV   for each ask its numbers, then for each of its entries the head of its record and the numbers of its rates; all
--        integers of 8 bytes, which `redis/numbers.rs` makes so that none here needs more than 53 bits.
-- Reply  the time (8 bytes), then 27 bytes for each ask that was played: what it comes to, the entry and the rate that
--        say so (from 1; 0 = none), the wait, the start, and which records the first two are. It ends before the first
--        ask that is not the common case, which is left to the client, and of which nothing is written: whatever is odd
--        here gives nil.
--
-- What is long costs time, as each text that is read is hashed: so of records with rings no more is read than what is
-- before the rings and some slots, and no more written. And what is allocated does: so records and logs are lists, of
-- which `$NAME` is a place, functions use nothing of what is around them but other functions, and numbers that have a
-- name are put in by `redis/script.rs`, as are the places.

-- The slot `index` of a log's ring: in which text it lies, and from where on. Those behind it are read with it.
local function slot(key, record, log, index)
  local at = log[$BASE] + 8 * ((log[$FIRST] + index) % log[$SLOTS])
  local pushed = record[$PUSHED]
  if pushed and pushed[at] then return pushed[at], 1 end
  local from = log[$READ_FROM]
  if not log[$READ] or at < from or at >= from + $CHUNK then
    from = at
    log[$READ] = redis.call('GETRANGE', key, string.format('%d', at), string.format('%d', at + $CHUNK - 1))
    log[$READ_FROM] = at
  end
  return log[$READ], at - from + 1
end

-- The start that has to be over for so much of a log to count no longer.
local function last_of(key, record, log, over)
  local entries, weight = log[$ENTRIES], log[$WEIGHT]
  if log[$LOGGED] - weight == entries - 1 then
    -- Each of the others weighs 1, so that it is found by its place.
    if log[$USED] ~= entries - 1 then return nil end
    if over >= entries then return log[$NEWEST] end
    if over == 1 then return log[$OLDEST] end
    return (struct.unpack('<I7', slot(key, record, log, over - 1)))
  end
  local index, used, start, taken = 0, log[$USED]
  while over > 0 and index < used do
    start, taken = struct.unpack('<I7B', slot(key, record, log, index))
    index = index + 1
    if taken == 0 then
      taken, index = struct.unpack('<I8', slot(key, record, log, index)), index + 1
    end
    over = over - taken
  end
  if over > weight then return nil end
  return over > 0 and log[$NEWEST] or start
end

-- What is known of a key: its record without its rings (false = there is none).
local function read(key, size, rings)
  local value
  if rings > 0 then
    value = redis.pcall('GETRANGE', key, '0', string.format('%d', size - 1))
  else
    value = redis.pcall('GET', key)
  end
  if value == '' then value = false end
  return { value, not value, false, false, 0, 0, 0, 0, false, false, false, false, false }
end

-- Reads the states of a record's rates: when they let the weight start, not before `from`, and which of them is why; true
-- unless it is odd.
local function look(key, record, head, numbers, from, now)
  local unpack = struct.unpack
  local known, known_born, size, rings, count, next = unpack('<i8i8i8i8i8', numbers)
  local value, at, why, written, born, logs = record[$VALUE], #head + 1, 0, 0, 0, rings > 0 and {}
  if value then
    if #value ~= size or string.sub(value, 1, at - 1) ~= head then return end
    local newest
    written, newest, born, at = unpack('<I8I8I4', value, at)
    if written > now or newest >= $LIMIT then return end
    if newest > from then from = newest end
  end
  local begin = from
  for index = 1, count do
    local free, b, c, kind, a = begin, unpack('<i8i8i8i8', numbers, next)
    next = next + 56
    if kind == $TOKENS then
      if value then
        local whole, part
        whole, part, at = unpack('<I8I4', value, at)
        if whole >= $LIMIT or part >= a then return end
        if whole > 0 or part > 0 then
          whole, part = whole - b, part - c
          if part < 0 then whole, part = whole - 1, part + a end
          free = part > 0 and whole + 1 or whole
        end
      end
    elseif kind == $SLIDING then
      local log
      if value then
        log = { false, 0, size, unpack('<I8I4I8I8I8I4I4I4', value, at) }
        at = log[$NEXT]
        if log[$LOGGED] >= $LIMIT or log[$NEWEST] >= $LIMIT or log[$USED] > log[$SLOTS] then return end
        if log[$LOGGED] > b then
          local last = last_of(key, record, log, log[$LOGGED] - b)
          if not last then return end
          free = last + c + 1
        end
      else
        log = { false, 0, size, 0, 0, 0, 0, 0, $SPARE, 0, 0, 0 }
      end
      logs[index], size = log, size + 8 * log[$SLOTS]
    elseif value then
      local since, opening, last, used
      since, opening, last, used, at = unpack('<I8I8I8I8', value, at)
      if last >= $LIMIT or used >= $LIMIT or since > last or opening > used then return end
      if used > b then free = (opening > 0 and since or last) + c end
    end
    if free > from then from, why = free, index end
  end
  record[$EARLIEST], record[$WHY], record[$SIZE], record[$BORN], record[$LOGS] = from, why, size, born, logs
  -- The highest 8 bits count resets. A clock that shows less than it did was put back: nobody can tell by it.
  record[$IS_LOST] = known_born > 0
    and (born == 0 or (born - known_born) % 16777216 ~= 0 or written < known and now >= known)
  return true
end

-- A log's state with a start more, and without those that are over by then; what is pushed into its ring is noted.
local function log_with(key, record, log, begin, start, weight)
  local entries, newest, heavy, logged = log[$ENTRIES], log[$NEWEST], log[$WEIGHT], log[$LOGGED]
  local oldest, first, used, slots = log[$OLDEST], log[$FIRST], log[$USED], log[$SLOTS]
  if entries > 0 and newest >= start then
    if newest > start then return end
    entries, weight, logged = entries - 1, heavy + weight, logged - heavy
  elseif newest < begin then
    logged, entries, oldest, first, used = 0, 0, 0, 0, 0
  else
    local index, are_light = 0, logged - heavy == entries - 1
    while index < used and oldest < begin do
      local taken = 1
      if not are_light then
        local _
        _, taken = struct.unpack('<I7B', slot(key, record, log, index))
        if taken == 0 then
          index = index + 1
          taken = struct.unpack('<I8', slot(key, record, log, index))
        end
      end
      index, logged, entries = index + 1, logged - taken, entries - 1
      oldest = index < used and struct.unpack('<I7', slot(key, record, log, index)) or 0
    end
    first, used = (first + index) % slots, used - index
    if entries > 0 then
      if used == 0 then oldest = newest end
      local pushes = record[$PUSHES] or {}
      record[$PUSHES] = pushes
      pushes[log[$BASE] + 8 * ((first + used) % slots)] = struct.pack('<I7B', newest, heavy < 256 and heavy or 0)
      used = used + 1
      if heavy >= 256 then
        pushes[log[$BASE] + 8 * ((first + used) % slots)] = struct.pack('<I8', heavy)
        used = used + 1
      end
    end
    if entries >= $MOST or used > slots then return end
  end
  return struct.pack('<I8I4I8I8I8I4I4I4', logged + weight, entries + 1, start, weight, oldest, slots, first, used)
end

-- Notes what becomes of a record that takes `weight` at `start`; true unless it is odd.
local function note(key, record, head, numbers, start, weight, now)
  local unpack, pack, value, born = struct.unpack, struct.pack, record[$VALUE], record[$BORN]
  if born == 0 then
    born = now % 4294967296
    if born == 0 then born = 1 end
    record[$BORN] = born
  end
  local text, idle, next, at = head .. pack('<I8I8I4', now, start, born), start, 57, #head + 21
  record[$PUSHES] = false
  for index = 1, (#numbers - 40) / 56 do
    local free
    local kind, ticks, a, b, c = unpack('<i8i8i8i8i8', numbers, next)
    next = next + 56
    if kind == $TOKENS then
      local whole, part = 0, 0
      if value then whole, part, at = unpack('<I8I4', value, at) end
      if whole < start then whole, part = start, 0 end
      whole, part = whole + a, part + b
      if part >= ticks then whole, part = whole + 1, part - ticks end
      if whole >= $LIMIT then return end
      text, free = text .. pack('<I8I4', whole, part), whole + c + (part > 0 and 1 or 0)
    elseif kind == $SLIDING then
      local log = log_with(key, record, record[$LOGS][index], now - a, start, weight)
      if not log then return end
      text, free, at = text .. log, start + b + 1, at + #log
    else
      local since, opening, last, used = 0, 0, 0, 0
      if value then since, opening, last, used, at = unpack('<I8I8I8I8', value, at) end
      if used == 0 or start >= (opening > 0 and since or last) + a then since, opening, used = start, 0, 0 end
      if since == start then opening = opening + weight end
      text = text .. pack('<I8I8I8I8', since, opening, start, used + weight)
      free = (opening > 0 and since or start) + a
    end
    if free > idle then idle = free end
  end
  local kept = idle - now + $KEEP
  if kept > $LONGEST then kept = $LONGEST end
  record[$NEXT_VALUE], record[$NEXT_TTL] = text, string.format('%d', (kept + 999) / 1000)
  return true
end

-- Has a record be what was noted.
local function take(record)
  record[$VALUE], record[$TTL] = record[$NEXT_VALUE], record[$NEXT_TTL]
  local pushes, pushed = record[$PUSHES], record[$PUSHED]
  if pushes and pushed then
    for place, text in pairs(pushes) do pushed[place] = text end
  elseif pushes then
    record[$PUSHED] = pushes
  end
end

-- Plays the ask whose keys and arguments begin there: the answer to it, and of how many entries it is; nil if it is odd.
local function play(records, now, first, argument)
  local ARGV, KEYS, pack = ARGV, KEYS, struct.pack
  local weight, after, slack, allowance, reserves, parts = struct.unpack('<i8i8i8i8i8i8', ARGV[argument])
  local from, at, latest, why, is_lost, is_shared = now + slack + after, -1, 1, 0, false, true
  for part = 1, parts do
    local key, head, numbers = KEYS[first + part], ARGV[argument + 2 * part - 1], ARGV[argument + 2 * part]
    local record = records[key]
    if not record then
      local _, _, size, rings = struct.unpack('<i8i8i8i8', numbers)
      record = read(key, size, rings)
      records[key] = record
    end
    if not look(key, record, head, numbers, from, now) then return end
    is_lost = is_lost or record[$IS_LOST]
    if record[$EARLIEST] > at then at, latest, why = record[$EARLIEST], part, record[$WHY] end
  end
  if at >= $LIMIT then return end
  if is_lost then return pack('<BBBI8I8I8', $LOST, 0, 0, 0, 0, 0), parts end
  local wait = at - now - slack
  if wait > allowance then return pack('<BBBI8I8I8', $REFUSED, latest, why, wait, 0, 0), parts end
  -- What only the key holds up must not hold up others, who share the rest with it.
  for part = 2, parts do is_shared = is_shared and records[KEYS[first + part]][$EARLIEST] == at end
  -- A charge, of which `reserves` is 2, starts as soon as its turn is.
  if at > from and reserves < 2 and not (reserves > 0 and is_shared) or after > 0 and reserves == 0 then
    return pack('<BBBI8I8I8', $LATER, latest, why, wait, 0, 0), parts
  end
  for part = 1, parts do
    local key, head, numbers = KEYS[first + part], ARGV[argument + 2 * part - 1], ARGV[argument + 2 * part]
    if not note(key, records[key], head, numbers, at, weight, now) then return end
  end
  for part = 1, parts do take(records[KEYS[first + part]]) end
  local born, other = records[KEYS[first + 1]][$BORN], 0
  if parts > 1 then other = records[KEYS[first + 2]][$BORN] end
  return pack('<BBBI8I8I4I4', $GRANTED, latest, why, wait, at, born, other), parts
end

local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local records, answers, first, argument = {}, struct.pack('<I8', now), 0, 1
while first < #KEYS do
  local answer, parts = play(records, now, first, argument)
  if not answer then break end
  answers, first, argument = answers .. answer, first + parts, argument + 1 + 2 * parts
end
for key, record in pairs(records) do
  if record[$TTL] then
    local value, rings = record[$VALUE], record[$SIZE] - #record[$VALUE]
    if rings == 0 or record[$IS_NEW] then
      if rings > 0 then value = value .. string.rep('\0', rings) end
      redis.call('SET', key, value, 'PX', record[$TTL])
    else
      redis.call('SETRANGE', key, '0', value)
      redis.call('PEXPIRE', key, record[$TTL])
    end
    if record[$PUSHED] then
      for place, text in pairs(record[$PUSHED]) do redis.call('SETRANGE', key, string.format('%d', place), text) end
    end
  end
end
return answers

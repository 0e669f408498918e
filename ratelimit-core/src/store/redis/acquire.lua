-- Plays acquires and charges by built-in rates, one after the other: what `Ask::judge` does, on the same records.
--
-- KEYS   the records of the asks' entries, ask by ask.
-- ARGV   for each ask two texts, the second of which has the format that the first is: its numbers, and for each of its
--        entries the head of its record and more numbers; then for each of its entries the format of its record but for
--        rings. Numbers are integers of 8 bytes, which `redis/numbers.rs` makes so that none here needs more than 53 bits.
--        What follows each other and is the same is one ask that comes several times.
-- Reply  the time (8 bytes), then 29 bytes for each answer: to how many of the asks it is the answer, what they come to, the
--        entry and the rate that say so (from 1; 0 = none), the wait, the start, and which records the first two are. It
--        ends before the first ask that is not the common case, which is left to the client, and of which nothing is
--        written: whatever is odd here gives nil.
--
-- What is long costs time, as each text that is read is hashed: so of records with rings no more is read than what is
-- before the rings and some slots, and no more written. And what is allocated does: so a record is read once and written
-- once, and is a list of numbers in between; functions use nothing of what is around them but other functions; and numbers
-- that have a name are put in by `redis/script.rs`, as are the places in lists, which `$NAME` is.

-- The slot `index` of a log's ring: in which text it lies, and from where on. Those behind it are read with it.
local function slot(record, ring, states, place, index)
  local at, pushed = ring[$BASE] + 8 * ((states[place + $FIRST] + index) % states[place + $SLOTS]), record[$PUSHED]
  if pushed and pushed[at] then return pushed[at], 1 end
  local from = ring[$READ_FROM]
  if not ring[$READ] or at < from or at >= from + $CHUNK then
    local last = string.format('%d', at + $CHUNK - 1)
    from, ring[$READ] = at, redis.call('GETRANGE', record[$KEY], string.format('%d', at), last)
    ring[$READ_FROM] = at
  end
  return ring[$READ], at - from + 1
end

-- The start that has to be over for so much of a log to count no longer.
local function last_of(record, ring, states, place, over)
  local entries, weight, used = states[place + $ENTRIES], states[place + $WEIGHT], states[place + $USED]
  if states[place] - weight == entries - 1 then
    -- Each of the others weighs 1, so that it is found by its place.
    if used ~= entries - 1 then return nil end
    if over >= entries then return states[place + $NEWEST] end
    if over == 1 then return states[place + $OLDEST] end
    return (struct.unpack('<I7', slot(record, ring, states, place, over - 1)))
  end
  local index, start, taken = 0
  while over > 0 and index < used do
    start, taken = struct.unpack('<I7B', slot(record, ring, states, place, index))
    index = index + 1
    if taken == 0 then
      taken, index = struct.unpack('<I8', slot(record, ring, states, place, index)), index + 1
    end
    over = over - taken
  end
  if over > weight then return nil end
  return over > 0 and states[place + $NEWEST] or start
end

-- When a record's rates let the weight start, not before `from`, which of them is why, and whether something was lost; nil
-- if it is odd.
local function look(record, numbers, entry, from, now)
  local states, known, known_born, base = record[$STATES], numbers[entry + 1], numbers[entry + 2], numbers[entry + 3]
  local written, newest, born, place, why = states[$WRITTEN], states[$LAST], states[$BORN], $RATES, 0
  if written > now or newest >= $LIMIT then return end
  if newest > from then from = newest end
  local begin, next = from, entry + 6
  for index = 1, numbers[entry + 5] do
    local free, b, c, kind = begin, numbers[next], numbers[next + 1], numbers[next + 2]
    if kind == $TOKENS then
      local whole, part, ticks = states[place], states[place + 1], numbers[next + 3]
      if whole >= $LIMIT or part >= ticks then return end
      if whole > 0 or part > 0 then
        whole, part = whole - b, part - c
        if part < 0 then whole, part = whole - 1, part + ticks end
        free = part > 0 and whole + 1 or whole
      end
      place = place + 2
    elseif kind == $SLIDING then
      local ring, logged = record[$RINGS][index], states[place]
      if not ring then
        if record[$IS_NEW] then states[place + $SLOTS] = $SPARE end
        ring = { false, 0, base }
        record[$RINGS][index] = ring
      end
      local slots = states[place + $SLOTS]
      if logged >= $LIMIT or states[place + $NEWEST] >= $LIMIT or states[place + $USED] > slots then return end
      if logged > b then
        local last = last_of(record, ring, states, place, logged - b)
        if not last then return end
        free = last + c + 1
      end
      base, place = base + 8 * slots, place + 8
    else
      local since, opening, last, used = states[place], states[place + 1], states[place + 2], states[place + 3]
      if last >= $LIMIT or used >= $LIMIT or since > last or opening > used then return end
      if used > b then free = (opening > 0 and since or last) + c end
      place = place + 4
    end
    if free > from then from, why = free, index end
    next = next + 7
  end
  record[$SIZE] = base
  -- The highest 8 bits count resets. A clock that shows less than it did was put back: nobody can tell by it.
  return from, why, known_born > 0
    and (born == 0 or (born - known_born) % 16777216 ~= 0 or written < known and now >= known)
end

-- Notes a log with a start more, and without those that are over by then, and what is pushed into its ring; true unless it
-- is odd.
local function note_log(record, ring, states, to, place, begin, start, weight)
  local logged, entries, newest = states[place], states[place + $ENTRIES], states[place + $NEWEST]
  local heavy, oldest, slots = states[place + $WEIGHT], states[place + $OLDEST], states[place + $SLOTS]
  local first, used = states[place + $FIRST], states[place + $USED]
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
        _, taken = struct.unpack('<I7B', slot(record, ring, states, place, index))
        if taken == 0 then
          index = index + 1
          taken = struct.unpack('<I8', slot(record, ring, states, place, index))
        end
      end
      index, logged, entries = index + 1, logged - taken, entries - 1
      oldest = index < used and struct.unpack('<I7', slot(record, ring, states, place, index)) or 0
    end
    first, used = (first + index) % slots, used - index
    if entries > 0 then
      if used == 0 then oldest = newest end
      local pushes = record[$PUSHES] or {}
      record[$PUSHES] = pushes
      pushes[ring[$BASE] + 8 * ((first + used) % slots)] = struct.pack('<I7B', newest, heavy < 256 and heavy or 0)
      used = used + 1
      if heavy >= 256 then
        pushes[ring[$BASE] + 8 * ((first + used) % slots)] = struct.pack('<I8', heavy)
        used = used + 1
      end
    end
    if entries >= $MOST or used > slots then return end
  end
  to[place], to[place + $ENTRIES], to[place + $NEWEST] = logged + weight, entries + 1, start
  to[place + $WEIGHT], to[place + $OLDEST] = weight, oldest
  to[place + $FIRST], to[place + $USED] = first, used
  return true
end

-- Notes what becomes of a record that takes `weight` at `start`; true unless it is odd.
local function note(record, numbers, entry, start, weight, now)
  local states, place, next, idle = record[$STATES], $RATES, entry + 6, start
  local to, born = states, states[$BORN]
  -- If this turns out to be odd, what it was is still to be written.
  if record[$KEPT] then
    to = record[$NEXT] or { unpack(states) }
    record[$NEXT] = to
  end
  if born == 0 then
    born = now % 4294967296
    if born == 0 then born = 1 end
  end
  to[$WRITTEN], to[$LAST], to[$BORN] = now, start, born
  record[$PUSHES] = false
  for index = 1, numbers[entry + 5] do
    local free
    local kind, ticks, a, b = numbers[next + 2], numbers[next + 3], numbers[next + 4], numbers[next + 5]
    if kind == $TOKENS then
      local whole, part = states[place], states[place + 1]
      if whole < start then whole, part = start, 0 end
      whole, part = whole + a, part + b
      if part >= ticks then whole, part = whole + 1, part - ticks end
      if whole >= $LIMIT then return end
      to[place], to[place + 1], free = whole, part, whole + numbers[next + 6] + (part > 0 and 1 or 0)
      place = place + 2
    elseif kind == $SLIDING then
      if not note_log(record, record[$RINGS][index], states, to, place, now - a, start, weight) then return end
      free, place = start + b + 1, place + 8
    else
      local since, opening, last, used = states[place], states[place + 1], states[place + 2], states[place + 3]
      if used == 0 or start >= (opening > 0 and since or last) + a then since, opening, used = start, 0, 0 end
      if since == start then opening = opening + weight end
      to[place], to[place + 1], to[place + 2], to[place + 3] = since, opening, start, used + weight
      free, place = (opening > 0 and since or start) + a, place + 4
    end
    if free > idle then idle = free end
    next = next + 7
  end
  record[$NEXT_KEPT] = idle - now + $KEEP
  return true
end

-- Has a record be what was noted.
local function take(record)
  if record[$KEPT] then record[$STATES], record[$NEXT] = record[$NEXT], record[$STATES] end
  record[$KEPT] = record[$NEXT_KEPT]
  local pushes, pushed = record[$PUSHES], record[$PUSHED]
  if pushes and pushed then
    for place, text in pairs(pushes) do pushed[place] = text end
  elseif pushes then
    record[$PUSHED] = pushes
  end
end

-- Plays an ask once, of one entry or two: what it comes to, the entry and the rate that say so, the wait and the start; nil
-- if it is odd.
local function play_once(one, two, numbers, second, now)
  local weight, after, slack, allowance, reserves = numbers[1], numbers[2], numbers[3], numbers[4], numbers[5]
  local from, latest, is_shared = now + slack + after, 1, true
  local at, why, is_lost = look(one, numbers, $FIRST_ENTRY, from, now)
  if not at then return end
  if two then
    local earliest, by, is_other_lost = look(two, numbers, second, from, now)
    if not earliest then return end
    is_lost = is_lost or is_other_lost
    if earliest > at then at, latest, why = earliest, 2, by end
    -- What only the key holds up must not hold up others, who share the rest with it.
    is_shared = earliest == at
  end
  if at >= $LIMIT then return end
  if is_lost then return $LOST, 0, 0, 0, 0 end
  local wait = at - now - slack
  if wait > allowance then return $REFUSED, latest, why, wait, 0 end
  -- A charge, of which `reserves` is 2, starts as soon as its turn is.
  if at > from and reserves < 2 and not (reserves > 0 and is_shared) or after > 0 and reserves == 0 then
    return $LATER, latest, why, wait, 0
  end
  if not note(one, numbers, $FIRST_ENTRY, at, weight, now) then return end
  if two then
    if not note(two, numbers, second, at, weight, now) then return end
    take(two)
  end
  take(one)
  return $GRANTED, latest, why, wait, at
end

-- Plays an ask as often as it comes: the answers, and whether these are all.
local function play(one, two, numbers, second, now)
  local times, answers, count, code, entry, rate, wait, start = numbers[$TIMES], '', 0
  while true do
    local is, by, why, waits, at
    if times > 0 then is, by, why, waits, at = play_once(one, two, numbers, second, now) end
    if count > 0 and (is ~= code or at ~= start or by ~= entry or why ~= rate) then
      local born, other = 0, 0
      if code == $GRANTED then born, other = one[$STATES][$BORN], two and two[$STATES][$BORN] or 0 end
      answers, count = answers .. struct.pack('<I2BBBI8I8I4I4', count, code, entry, rate, wait, start, born, other), 0
    end
    if not is then return answers, times == 0 end
    code, entry, rate, wait, start, count, times = is, by, why, waits, at, count + 1, times - 1
    -- What takes nothing changes nothing: so the rest come to the same.
    if code ~= $GRANTED then count, times = count + times, 0 end
  end
end

-- An entry's record, without its rings; nil if it is odd.
local function record_of(records, key, format, numbers, entry)
  local record, head, size, rings, value = records[key], numbers[entry], numbers[entry + 3], numbers[entry + 4]
  if record then return record[$STATES][$HEAD] == head and record or nil end
  if rings > 0 then
    value = redis.pcall('GETRANGE', key, '0', string.format('%d', size - 1))
  else
    value = redis.pcall('GET', key)
  end
  local is_new = not value or value == ''
  if is_new then value = head .. string.rep('\0', size - #head) end
  if #value ~= size then return end
  local states = { struct.unpack(format, value) }
  if states[$HEAD] ~= head then return end
  record = { key, format, is_new, states, false, rings > 0 and { false, false, false }, size, false, 0, false, false }
  records[key] = record
  return record
end

local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local records, answers, key, argument, is_whole = {}, struct.pack('<I8', now), 1, 1, true
while is_whole and key <= #KEYS do
  local numbers, second, two, played = { struct.unpack(ARGV[argument], ARGV[argument + 1]) }
  local parts, one = numbers[$PARTS], record_of(records, KEYS[key], ARGV[argument + 2], numbers, $FIRST_ENTRY)
  if not one then break end
  if parts > 1 then
    second = $FIRST_ENTRY + 6 + 7 * numbers[$FIRST_ENTRY + 5]
    two = record_of(records, KEYS[key + 1], ARGV[argument + 3], numbers, second)
    if not two then break end
  end
  played, is_whole = play(one, two, numbers, second, now)
  answers, key, argument = answers .. played, key + parts, argument + 2 + parts
end
for key, record in pairs(records) do
  local kept = record[$KEPT]
  if kept then
    if kept > $LONGEST then kept = $LONGEST end
    local ttl, value = string.format('%d', (kept + 999) / 1000), struct.pack(record[$FORMAT], unpack(record[$STATES]))
    if #value == record[$SIZE] or record[$IS_NEW] then
      value = value .. string.rep('\0', record[$SIZE] - #value)
      redis.call('SET', key, value, 'PX', ttl)
    else
      redis.call('SETRANGE', key, '0', value)
      redis.call('PEXPIRE', key, ttl)
    end
    if record[$PUSHED] then
      for place, text in pairs(record[$PUSHED]) do redis.call('SETRANGE', key, string.format('%d', place), text) end
    end
  end
end
return answers

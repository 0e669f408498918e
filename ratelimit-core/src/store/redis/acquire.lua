-- Plays acquires and charges by built-in rates, one after the other: what `Ask::judge` does, on the same records.
--
-- KEYS   the records of the asks' entries, ask by ask.
-- ARGV   for each ask its numbers, then for each of its entries the head of its record and the numbers of its rates;
--        all integers of 8 bytes, which `redis/numbers.rs` makes so that none here needs more than 53 bits.
-- Reply  the time (8 bytes), then 27 bytes for each ask that was played: what it comes to, the entry and the rate that
--        say so (from 1; 0 = none), the wait, the start, and which records the first two are. It ends before the first ask that is not the common case,
--        which is left to the client: whatever is odd raises an error, and nothing of that ask is written.
--
-- A text costs time by its length, as each is hashed: so of records with rings no more is read than what is before the
-- rings and some slots, and no more written.

local GRANTED, LATER, REFUSED, LOST = 1, 2, 3, 4
local SLIDING, TOKENS = 0, 1
local LIMIT, KEEP, LONGEST, MOST, CHUNK = 4503599627370496, 1000000, 315360000000000, 3072, 128
local unpack, pack, format, call = struct.unpack, struct.pack, string.format, redis.call

local time = call('TIME')
local now = time[1] * 1000000 + time[2]
-- By key: the record as it is by now, without its rings (false = there is none), the slots that were pushed, by their
-- places in it, and for how long it is to be kept, if it was changed; and what the ask that is being played needs of it.
-- Numbers become texts here, as the server takes longer for that.
local entries = {}

-- The slot `index` of a log's ring: in which text it lies, and from where on. Those behind it are read with it.
local function slot(key, log, index)
  local at, from = log.base + 8 * ((log.first + index) % log.slots), log.from
  local pushed = entries[key].pushed
  if pushed and pushed[at] then return pushed[at], 1 end
  if not from or at < from or at >= from + CHUNK then
    log.chunk, log.from, from = call('GETRANGE', key, format('%d', at), format('%d', at + CHUNK - 1)), at, at
  end
  return log.chunk, at - from + 1
end

-- The start that has to be over for so much of a log to count no longer.
local function last_of(key, log, over)
  if log.logged - log.weight == log.entries - 1 then
    -- Each of the others weighs 1, so that it is found by its place.
    if log.used ~= log.entries - 1 then error('odd') end
    return over < log.entries and unpack('<I7', slot(key, log, over - 1)) or log.newest
  end
  local index, start, weight = 0
  while over > 0 and index < log.used do
    start, weight = unpack('<I7B', slot(key, log, index))
    index = index + 1
    if weight == 0 then
      weight, index = unpack('<I8', slot(key, log, index)), index + 1
    end
    over = over - weight
  end
  if over > log.weight then error('odd') end
  return over > 0 and log.newest or start
end

-- Reads the states of an entry's rates; when they let the weight start, not before `from`, and which of them is why.
local function look(key, head, numbers, from)
  local known, known_born, size, rings, count, next = unpack('<i8i8i8i8i8', numbers)
  local entry = entries[key]
  if not entry then
    local value
    if rings > 0 then
      value = redis.pcall('GETRANGE', key, '0', format('%d', size - 1))
    else
      value = redis.pcall('GET', key)
    end
    if value == '' then value = false end
    entry = { value = value, is_new = not value, by = 0, earliest = 0, is_lost = false }
    entries[key] = entry
  end
  local value, at, by, written, born = entry.value, #head + 1, 0, 0, 0
  if value then
    if #value ~= size or string.sub(value, 1, at - 1) ~= head then error('odd') end
    local newest
    written, newest, born, at = unpack('<I8I8I4', value, at)
    if written > now or newest >= LIMIT then error('odd') end
    if newest > from then from = newest end
  end
  local begin = from
  for index = 1, count do
    local free, kind, a, b, c = begin
    kind, a, b, c, next = unpack('<i8i8i8i8', numbers, next)
    if kind == TOKENS then
      local whole, part = 0, 0
      if value then whole, part, at = unpack('<I8I4', value, at) end
      if whole >= LIMIT or part >= a then error('odd') end
      entry[index] = { whole, part }
      if whole > 0 or part > 0 then
        whole, part = whole - b, part - c
        if part < 0 then whole, part = whole - 1, part + a end
        free = part > 0 and whole + 1 or whole
      end
    elseif kind == SLIDING then
      local logged, many, newest, weight, oldest, slots, first, used = 0, 0, 0, 0, 0, c, 0, 0
      if value then
        logged, many, newest, weight, oldest, slots, first, used, at = unpack('<I8I4I8I8I8I4I4I4', value, at)
        if logged >= LIMIT or newest >= LIMIT or used > slots then error('odd') end
      end
      local log = {
        logged = logged, entries = many, newest = newest, weight = weight, oldest = oldest, slots = slots,
        first = first, used = used, base = size,
      }
      entry[index], size = log, size + 8 * slots
      if logged > a then free = last_of(key, log, logged - a) + b + 1 end
    else
      local since, opening, last, used = 0, 0, 0, 0
      if value then since, opening, last, used, at = unpack('<I8I8I8I8', value, at) end
      if last >= LIMIT or used >= LIMIT or since > last or opening > used then error('odd') end
      entry[index] = { since, opening, last, used }
      if used > a then free = (opening > 0 and since or last) + b end
    end
    if free > from then from, by = free, index end
  end
  -- Other limits than those that the key was asked about before.
  if #entry > count then error('odd') end
  entry.earliest, entry.by, entry.size, entry.born = from, by, size, born
  entry.is_lost = known_born > 0 and (born ~= known_born or written < known)
  return entry
end

-- A log's state with a start more, and without those that are over by then; what is pushed into its ring is noted.
local function log_with(key, log, begin, start, weight, entry)
  local logged, many, newest, heavy, oldest, first, used =
    log.logged, log.entries, log.newest, log.weight, log.oldest, log.first, log.used
  local index = 0
  if many > 0 and newest >= start then
    if newest > start then error('odd') end
    many, weight, logged = many - 1, heavy + weight, logged - heavy
  elseif newest < begin then
    logged, many, oldest, first, used = 0, 0, 0, 0, 0
  else
    while index < used and oldest < begin do
      local _, taken = unpack('<I7B', slot(key, log, index))
      index = index + 1
      if taken == 0 then
        taken, index = unpack('<I8', slot(key, log, index)), index + 1
      end
      logged, many = logged - taken, many - 1
      oldest = index < used and unpack('<I7', slot(key, log, index)) or 0
    end
    first, used = (first + index) % log.slots, used - index
    if many > 0 then
      if used == 0 then oldest = newest end
      local light, pushes = heavy < 256, entry.pushes or {}
      entry.pushes = pushes
      pushes[log.base + 8 * ((first + used) % log.slots)] = pack('<I7B', newest, light and heavy or 0)
      used = used + 1
      if not light then
        pushes[log.base + 8 * ((first + used) % log.slots)] = pack('<I8', heavy)
        used = used + 1
      end
    end
    if many >= MOST or used > log.slots then error('odd') end
  end
  return pack('<I8I4I8I8I8I4I4I4', logged + weight, many + 1, start, weight, oldest, log.slots, first, used)
end

-- Notes what becomes of an entry that takes `weight` at `start`.
local function note(key, head, numbers, entry, start, weight)
  if entry.born == 0 then
    local low = now % 4294967296
    entry.born = low > 0 and low or 1
  end
  local text, idle, next = head .. pack('<I8I8I4', now, start, entry.born), start, 41 + 32 * #entry
  entry.pushes = nil
  for index = 1, #entry do
    local state, free = entry[index]
    local kind, ticks = unpack('<i8i8', numbers, 9 + 32 * index)
    local a, b, c = unpack('<i8i8i8', numbers, next)
    next = next + 24
    if kind == TOKENS then
      local whole, part = state[1], state[2]
      if whole < start then whole, part = start, 0 end
      whole, part = whole + a, part + b
      if part >= ticks then whole, part = whole + 1, part - ticks end
      if whole >= LIMIT then error('odd') end
      text, free = text .. pack('<I8I4', whole, part), whole + c + (part > 0 and 1 or 0)
    elseif kind == SLIDING then
      text, free = text .. log_with(key, state, now - a, start, weight, entry), start + b + 1
    else
      local since, opening, last, used = state[1], state[2], state[3], state[4]
      if used == 0 or start >= (opening > 0 and since or last) + a then since, opening, used = start, 0, 0 end
      if since == start then opening = opening + weight end
      text = text .. pack('<I8I8I8I8', since, opening, start, used + weight)
      free = (opening > 0 and since or start) + a
    end
    if free > idle then idle = free end
  end
  local kept = idle - now + KEEP
  if kept > LONGEST then kept = LONGEST end
  entry.next, entry.keep = text, format('%d', (kept + 999) / 1000)
end

-- Has the entry be what was noted.
local function take(entry)
  entry.value, entry.ttl = entry.next, entry.keep
  if entry.pushes then
    entry.pushed = entry.pushed or {}
    for place, text in pairs(entry.pushes) do entry.pushed[place] = text end
  end
end

local function play(first, argument)
  local weight, after, slack, allowance, reserves, parts = unpack('<i8i8i8i8i8i8', ARGV[argument])
  local from, at, latest, why, is_lost, is_shared = now + slack + after, -1, 1, 0, false, true
  for index = 1, parts do
    local entry = look(KEYS[first + index], ARGV[argument + 2 * index - 1], ARGV[argument + 2 * index], from)
    is_lost = is_lost or entry.is_lost
    if entry.earliest > at then at, latest, why = entry.earliest, index, entry.by end
  end
  if at >= LIMIT then error('odd') end
  if is_lost then return pack('<BBBI8I8I8', LOST, 0, 0, 0, 0, 0), parts end
  local wait = at - now - slack
  if wait > allowance then return pack('<BBBI8I8I8', REFUSED, latest, why, wait, 0, 0), parts end
  -- What only the key holds up must not hold up others, who share the rest with it.
  for index = 2, parts do is_shared = is_shared and entries[KEYS[first + index]].earliest == at end
  -- A charge, of which `reserves` is 2, starts as soon as its turn is.
  if at > from and reserves < 2 and not (reserves > 0 and is_shared) or after > 0 and reserves == 0 then
    return pack('<BBBI8I8I8', LATER, latest, why, wait, 0, 0), parts
  end
  for index = 1, parts do
    local key = KEYS[first + index]
    note(key, ARGV[argument + 2 * index - 1], ARGV[argument + 2 * index], entries[key], at, weight)
  end
  local born = { 0, 0 }
  for index = 1, parts do
    local entry = entries[KEYS[first + index]]
    take(entry)
    born[index] = entry.born
  end
  return pack('<BBBI8I8I4I4', GRANTED, latest, why, wait, at, born[1], born[2]), parts
end

local answers, first, argument = pack('<I8', now), 0, 1
while first < #KEYS do
  local is_played, answer, parts = pcall(play, first, argument)
  if not is_played then break end
  answers, first, argument = answers .. answer, first + parts, argument + 1 + 2 * parts
end
for key, entry in pairs(entries) do
  if entry.ttl then
    local rings = entry.size - #entry.value
    if entry.is_new or rings == 0 then
      call('SET', key, entry.value .. string.rep('\0', rings), 'PX', entry.ttl)
    else
      call('SETRANGE', key, '0', entry.value)
      call('PEXPIRE', key, entry.ttl)
    end
    for place, text in pairs(entry.pushed or {}) do call('SETRANGE', key, format('%d', place), text) end
  end
end
return answers

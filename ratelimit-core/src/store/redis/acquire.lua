-- Plays acquires and charges by built-in rates, one after the other: what `Ask::judge` does, on the same records.
--
-- This is what `redis/maker.rs` makes scripts of, one for each list of kinds of rates. Each part below begins with its name;
-- those whose name ends with a kind of rate come once for each rate of that kind. A name with `$` is a rate's own, one with
-- `@` a record's, and those in capitals are put in: so there are no loops over rates, and what a record holds is in locals
-- from its being read to its being written. Records are that of the key (`k_`), and that of all keys together (`t_`), if
-- anything bounds them.
--
-- KEYS   the records of the asks' entries, ask by ask.
-- ARGV   for each ask a text: numbers, which `redis/numbers.rs` makes so that none here needs more than 53 bits, and the
--        heads of its records. All asks are of the same limits. What follows each other and is the same is one ask
--        that comes several times.
-- Reply  the time (8 bytes), then 29 bytes for each answer: to how many of the asks it is the answer, what they come to, the
--        entry and the rate that say so (from 1; 0 = none), the wait, the start, and which records the first two are. It
--        ends before the first ask that is not the common case, which is left to the client, and of which nothing is
--        written: whatever is odd here.
--
-- What is long costs time, as each text that is read is hashed: so of records with rings no more is read than what is
-- before the rings and some slots, and no more written.

--: begin
local unpack, pack = struct.unpack, struct.pack
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local answers, ask, is_odd = false, 0, false

--: functions of rings
-- The slot at that place of a key's ring: in which text it lies, and from where on. Those behind it are read with it. Where
-- there is none the record is cut off, which is noted.
local function slot(key, rings, ring, pushes, at)
  local pushed = pushes and pushes[at]
  if pushed then return pushed, 1 end
  local text, from = rings[4 * ring - 3], rings[4 * ring - 2]
  if not text or at < from or at >= from + $CHUNK then
    local last = string.format('%d', at + $CHUNK - 1)
    text, from = redis.call('GETRANGE', key, string.format('%d', at), last), at
    rings[4 * ring - 3], rings[4 * ring - 2] = text, from
  end
  if #text < at - from + 8 then
    rings[0] = true
    return '\0\0\0\0\0\0\0\1', 1
  end
  return text, at - from + 1
end

-- The start that has to be over for so much of a log to count no longer, where starts weigh more than 1; nil if it is odd.
-- As a rule the next ask looks for a later one: it goes on where this one has ended.
local function last_of(key, rings, ring, pushes, base, first, slots, used, over, weight, newest)
  local index, gone, start, taken = rings[4 * ring - 1], rings[4 * ring]
  if gone >= over then index, gone = 0, 0 end
  while gone < over and index < used do
    rings[4 * ring - 1], rings[4 * ring] = index, gone
    start, taken = unpack('<I7B', slot(key, rings, ring, pushes, base + 8 * ((first + index) % slots)))
    index = index + 1
    if taken == 0 then
      taken = unpack('<I8', slot(key, rings, ring, pushes, base + 8 * ((first + index) % slots)))
      index = index + 1
    end
    gone = gone + taken
  end
  if over - gone > weight then return nil end
  return over > gone and newest or start
end

--: open
local @key, @is_new, @written, @newest, @born, @until, @kept, @is_longer, @pushes, @places, @rings, @before, @pushed = @FIRST
local @STATES

--: read
local value = redis.pcall(@GET)
@is_new = not value or value == ''
if #(value or '') ~= @SIZE then
  is_odd, @ALL = not @is_new, 0, 0, 0, 0@ZEROS
else
  local head
  head, @ALL = unpack('@FORMAT', value)
  is_odd = head ~= @head or @written > now or @newest >= $LIMIT
end
@rings = @RINGS

--: read tokens
if $whole >= $LIMIT or $part >= $ticks then is_odd = true end

--: read fixed
if $last >= $LIMIT or $used >= $LIMIT or $since > $last or $opening > $used then is_odd = true end

--: read sliding
if @is_new then $slots = $SPARE end
if $logged >= $LIMIT or $newest >= $LIMIT or $used > $slots then is_odd = true end

--: asks
local weight, after, slack, allowance, reserves, times@TOLD
while true do
  local key = not is_odd and KEYS[@PARTS * ask + 1]
  if key then weight, after, slack, allowance, reserves, times@TOLD = unpack('<@TOLD_FORMAT', ARGV[ask + 1]) end
  if key ~= k_key then

--: next
    if not key then break end
    k_key = key

--: first
  end
  if ask == 0 and not is_odd then

--: ask
  end
  if not is_odd then
    local is_charge, count, code, entry, rate, wait, start = reserves == 2, 0
    while times > 0 do
      local from = now + slack + after

--: look
-- When the rates of the record let the weight start, and which of them is why.
local @at, @why = from, 0
if @newest > from then @at = @newest end

--: look tokens
if $whole > 0 or $part > 0 then
  local whole, part = $whole - $before, $part - $before_part
  if part < 0 then whole, part = whole - 1, part + $ticks end
  if part > 0 then whole = whole + 1 end
  if whole > @at then @at, @why = whole, $INDEX end
end

--: look fixed
if not is_charge and $used > $amount - weight then
  local free = ($opening > 0 and $since or $last) + $window + slack
  if free > @at then @at, @why = free, $INDEX end
elseif not is_charge and slack > 0 and $used > 0 and $since + slack > @at then
  -- It may be made so much early: not before its window has opened.
  @at, @why = $since + slack, $INDEX
end

--: look sliding
if not is_charge and $logged > $amount - weight then
  local over, last = $logged - $amount + weight
  if $logged - $weight ~= $entries - 1 then
    last = last_of(@key, @rings, $RING, @pushes, $BASE, $first, $slots, $used, over, $weight, $newest)
  elseif $used == $entries - 1 then
    -- Each of the others weighs 1, so that it is found by its place.
    if over >= $entries then
      last = $newest
    elseif over == 1 then
      last = $oldest
    else
      last = unpack('<I7', slot(@key, @rings, $RING, @pushes, $BASE + 8 * (($first + over - 1) % $slots)))
    end
  end
  if not last or @rings[0] then
    is_odd = true
  elseif last + $window + slack + 1 > @at then
    @at, @why = last + $window + slack + 1, $INDEX
  end
end

--: verdict
      local is, by, why, at, is_lost = $GRANTED, 1, k_why, k_at, false

--: verdict of total
      if t_at > at then by, why, at = 2, t_why, t_at end

--: lost
-- The highest 8 bits count resets. A clock that shows less than it did was put back: nobody can tell by it.
if @known_born > 0 and (@born == 0 or (@born - @known_born) % 16777216 ~= 0 or @written < @known and now >= @known) then
  is_lost = true
end

--: answer
      local waits, starts = at - now - slack, at
      if is_odd or at >= $LATEST then
        is_odd = true
        break
      elseif is_lost then
        is, by, why, waits, starts = $LOST, 0, 0, 0, 0
      elseif waits > allowance then
        is, starts = $REFUSED, 0
      -- What only the key holds up must not hold up others, who share the rest with it. A charge, of which `reserves` is
      -- 2, starts as soon as its turn is.
      elseif at > from and reserves < 2 and not (reserves > 0 and @IS_SHARED) or after > 0 and reserves == 0 then
        is, starts = $LATER, 0
      else

--: take
-- If it turns out to be odd, what it was is still to be written.
if @kept then @before, @pushed = pack('@FORMAT', @head, @ALL), @places and #@places or 0 end
if @born == 0 then
  @born = now % 4294967296
  if @born == 0 then @born = 1 end
end
@written, @newest = now, at
local @idle = at

--: take tokens
if $whole < at then $whole, $part = at, 0 end
$whole, $part = $whole + $taken, $part + $taken_part
if $part >= $ticks then $whole, $part = $whole + 1, $part - $ticks end
if $whole >= $LIMIT then is_odd = true end
if $whole + $guard >= @idle then @idle = $whole + $guard + ($part > 0 and 1 or 0) end

--: take fixed
if $used == 0 or at >= ($opening > 0 and $since or $last) + $window then $since, $opening, $used = at, 0, 0 end
if $since == at then $opening = $opening + weight end
$last, $used = at, $used + weight
if ($opening > 0 and $since or at) + $window > @idle then @idle = ($opening > 0 and $since or at) + $window end

--: take sliding
-- Without those that are over, once the first of them is by a 64th more of how long they stay: so few calls have to look
-- for what is the oldest then. That of the last start, which the state holds, goes into the ring.
local $taken = weight
local over = now - $window - $KEEP
if $entries > 0 and $newest >= at then
  if $newest > at then is_odd = true end
  $entries, $taken, $logged = $entries - 1, $weight + weight, $logged - $weight
else
  local oldest = $used > 0 and $oldest or $newest
  if over - oldest > ($window + $KEEP) / $LOTS or $entries >= $MOST then
    local index, are_light = 0, $logged - $weight == $entries - 1
    while $newest >= over and index < $used and $oldest < over do
      local gone = 1
      if not are_light then
        local _
        _, gone = unpack('<I7B', slot(@key, @rings, $RING, @pushes, $BASE + 8 * (($first + index) % $slots)))
        if gone == 0 then
          index = index + 1
          gone = unpack('<I8', slot(@key, @rings, $RING, @pushes, $BASE + 8 * (($first + index) % $slots)))
        end
      end
      index, $logged, $entries, $oldest = index + 1, $logged - gone, $entries - 1, 0
      if index < $used then
        $oldest = unpack('<I7', slot(@key, @rings, $RING, @pushes, $BASE + 8 * (($first + index) % $slots)))
      end
    end
    $first, $used = ($first + index) % $slots, $used - index
    if $newest < over then $logged, $entries, $oldest, $first, $used = 0, 0, 0, 0, 0 end
    @rings[4 * $RING - 1], @rings[4 * $RING] = 0, 0
  end
  if $used + ($weight < 256 and 1 or 2) > $slots then
    -- What is pushed in this script must not be overwritten by it.
    is_odd = $entries > 0 or is_odd
  elseif $entries > 0 then
    if $used == 0 then $oldest = $newest end
    @pushes, @places = @pushes or {}, @places or {}
    local place = $BASE + 8 * (($first + $used) % $slots)
    @pushes[place], @places[#@places + 1] = pack('<I7B', $newest, $weight < 256 and $weight or 0), place
    $used = $used + 1
    if $weight >= 256 then
      place = $BASE + 8 * (($first + $used) % $slots)
      @pushes[place], @places[#@places + 1] = pack('<I8', $weight), place
      $used = $used + 1
    end
  end
  if $entries >= $MOST or @rings[0] then is_odd = true end
end
$logged, $entries, $newest, $weight = $logged + $taken, $entries + 1, at, $taken
if at + $window >= @idle then @idle = at + $window + 1 end

--: taken
        if is_odd then

--: undo
if @kept then
  local _
  _, @ALL = unpack('@FORMAT', @before)
  while @places and #@places > @pushed do @pushes[@places[#@places]], @places[#@places] = nil, nil end
end

--: not taken
          break
        end

--: keep
-- Until when it is kept is told ahead, so that the next ones need not tell the server anew: `Record::keep`.
local counts = @idle + $KEEP
if counts > now + $LONGEST then counts = now + $LONGEST end
if counts > $UNIT * @until then
  local ahead = counts - now
  ahead = counts + (ahead - ahead % $AHEAD) / $AHEAD
  if ahead > now + $LONGEST then ahead = now + $LONGEST end
  @until, @is_longer = (ahead - ahead % $UNIT) / $UNIT + 1, true
end
@kept = true

--: told
      end
      if count > 0 and (is ~= code or starts ~= start or by ~= entry or why ~= rate) then
        if answers then
          answers = answers .. pack('<I2BBBI8I8I4I4', count, code, entry, rate, wait, start, @BORNS)
        else
          answers = pack('<I8I2BBBI8I8I4I4', now, count, code, entry, rate, wait, start, @BORNS)
        end
        count = 0
      end
      code, entry, rate, wait, start, count, times = is, by, why, waits, starts, count + 1, times - 1
      -- What takes nothing changes nothing: so the rest come to the same.
      if is ~= $GRANTED then count, times = count + times, 0 end
    end
    if count > 0 then
      if answers then
        answers = answers .. pack('<I2BBBI8I8I4I4', count, code, entry, rate, wait, start, @BORNS)
      else
        answers = pack('<I8I2BBBI8I8I4I4', now, count, code, entry, rate, wait, start, @BORNS)
      end
    end
  end
  ask = ask + 1
end

--: write
if @kept then
  local text = pack('@FORMAT', @head, @ALL)
  local ends = @is_longer and string.format('%d', ($UNIT * @until + 999) / 1000)
  @kept, @is_longer = false, false

--: write whole
  if ends then
    redis.call('SET', @key, text, 'PXAT', ends)
  else
    redis.call('SET', @key, text, 'KEEPTTL')
  end
end

--: write with rings
  if @is_new then
    text = text .. string.rep('\0', 8 * (@SLOTS))
    redis.call('SET', @key, text, 'PXAT', ends)
  else
    redis.call('SETRANGE', @key, '0', text)
    if ends then redis.call('PEXPIREAT', @key, ends) end
  end
  for index = 1, @places and #@places or 0 do
    redis.call('SETRANGE', @key, string.format('%d', @places[index]), @pushes[@places[index]])
  end
  @pushes, @places = false, false
end

--: end
return answers or pack('<I8', now)

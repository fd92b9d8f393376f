-- The one author of every cast: text as it came → a typed value, or NULL where it is none.
-- Landing creates these in the warehouse with the business zone filled in ($timezone); landing
-- quarantines a row by them, and dbt staging casts with the same, so the two cannot differ.
-- The usual form comes first, before any trimming: trimming costs as much as casting.

create or replace macro blank_to_null(value) as
    case
        when value <> '' and strlen(value) = length(value) and not contains(value, ' ') then value
        else nullif(trim(value), '')
    end;

create or replace macro is_blank(value) as
    value is null or (value not between '!' and '~' and trim(value) = '');

create or replace macro to_decimal(value) as
    case
        when regexp_full_match(value, '-?[0-9]+([.][0-9]+)?')
        then try_cast(value as decimal(28, 10))
        when regexp_full_match(trim(value), '[+-]?([0-9]+([.][0-9]*)?|[.][0-9]+)([eE][+-]?[0-9]{1,2})?')
        then try_cast(trim(value) as decimal(28, 10))
    end;

-- A number as other countries write it: `pattern` shows how, as 1.234,5 or 1'234.5 does. Thousands
-- need not be parted, but where they are, in threes.
create or replace macro to_decimal_as(value, pattern) as
    case
        when
            regexp_full_match(
                trim(value),
                '[+-]?([0-9]+|[0-9]{1,3}([' || pattern[2] || '][0-9]{3})+)([' || pattern[6] || '][0-9]*)?'
            )
        then to_decimal(replace(replace(trim(value), pattern[2], ''), pattern[6], '.'))
    end;

create or replace macro to_integer(value) as
    case
        when regexp_full_match(value, '-?[0-9]+') then try_cast(value as bigint)
        when regexp_full_match(trim(value), '[+-]?[0-9]+([.]0+)?')
        then try_cast(regexp_replace(trim(value), '[.]0+$', '') as bigint)
    end;

create or replace macro to_boolean(value) as
    case lower(trim(value)) when 'true' then true when 'false' then false end;

create or replace macro to_date_as(value, pattern) as
    cast(try_strptime(trim(value), pattern) as date);

-- A clock time of the business zone → UTC. DuckDB takes the later of two instants that share a
-- clock time and moves one that does not exist; we take the earlier and refuse the other.
create or replace macro clock_to_utc(clock) as
    case
        when '$timezone' = 'UTC' then clock
        when timezone('$timezone', timezone('$timezone', clock) - interval 1 hour) = clock
        then make_timestamp(epoch_us(timezone('$timezone', clock) - interval 1 hour))
        when timezone('$timezone', timezone('$timezone', clock) - interval 30 minute) = clock
        then make_timestamp(epoch_us(timezone('$timezone', clock) - interval 30 minute))
        when timezone('$timezone', timezone('$timezone', clock)) = clock
        then make_timestamp(epoch_us(timezone('$timezone', clock)))
    end;

-- Whether the text is an instant in form, so that one that fails to cast is told from one that
-- names a clock time which the zone skipped.
create or replace macro clock_of(value) as
    case
        when regexp_full_match(
            trim(value), '[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]+)?)?)?'
        )
        then try_cast(trim(value) as timestamp)
    end;

-- The forms are told apart before anything is cast, since a macro writes its argument out wherever
-- it is used; the last is rare, and costs most.
create or replace macro to_instant_in_any_form(value) as
    case
        when
            strlen(value) = 19
            and regexp_full_match(value, '[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}')
        then clock_to_utc(try_cast(value as timestamp))
        when regexp_full_match(
            value,
            '[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]+)?)?(Z|[+-][0-9]{2}(:?[0-9]{2})?)'
        )
        then make_timestamp(epoch_us(try_cast(value as timestamptz)))
        when clock_of(value) is not null then clock_to_utc(try_cast(trim(value) as timestamp))
        when regexp_full_match(
            trim(value),
            '[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]+)?)? ?(z|Z|[+-][0-9]{2}(:?[0-9]{2})?)'
        )
        then
            make_timestamp(
                epoch_us(
                    try_cast(regexp_replace(upper(trim(value)), ' ([Z+-][0-9:]*)$', '\1') as timestamptz)
                )
            )
    end;

-- Of these lengths, begun by a digit and ended at once by the mark, no digit can be missing; a
-- blank becomes a T, since in a format it stands for any number of blanks. The form is looked at
-- first: a value that strptime cannot take costs more than one that it can.
create or replace macro to_instant(value) as
    coalesce(
        case
            when strlen(value) not in (19, 20, 24) or value not between '0' and ':' then null
            when value like '____-__-_____:__:__'
            then clock_to_utc(try_strptime(replace(value, ' ', 'T') || '|', '%Y-%m-%dT%H:%M:%S|'))
            when value like '____-__-__T__:__:__Z'
            then try_strptime(value || '|', '%Y-%m-%dT%H:%M:%SZ|')
            when value like '____-__-__T__:__:__.___Z'
            then try_strptime(value || '|', '%Y-%m-%dT%H:%M:%S.%gZ|')
        end,
        to_instant_in_any_form(value)
    );

create or replace macro to_instant_as(value, pattern) as
    clock_to_utc(try_strptime(trim(value), pattern));

-- UTC instant → the business day it falls on; business day → the UTC instant at which it ends.
create or replace macro business_date(instant) as
    cast(
        case
            when '$timezone' = 'UTC' then instant
            else timezone('$timezone', timezone('UTC', instant))
        end as date
    );

create or replace macro business_day_end(day) as
    timezone('UTC', timezone('$timezone', cast(day + 1 as timestamp)));

-- A date column that carries a time is the business day of that time.
create or replace macro to_date(value) as
    case
        when regexp_full_match(value, '[0-9]{4}-[0-9]{2}-[0-9]{2}') then try_cast(value as date)
        when regexp_full_match(trim(value), '[0-9]{4}-[0-9]{2}-[0-9]{2}')
        then try_cast(trim(value) as date)
        else business_date(to_instant(value))
    end;

-- What a source in UTC says without an offset, and the day of it, whatever the business zone. Some
-- warehouses export an instant with ' UTC' behind it.
create or replace macro to_utc_instant(value) as
    case
        when regexp_full_match(
            value,
            ' *[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]+)?)?( ?(Z|UTC))?)? *'
        )
        then try_cast(value as timestamp)
        when regexp_full_match(
            value,
            ' *[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]+)?)?[+-][0-9]{2}(:?[0-9]{2})? *'
        )
        then make_timestamp(epoch_us(try_cast(trim(value) as timestamptz)))
    end;

create or replace macro to_utc_date(value) as cast(to_utc_instant(value) as date);

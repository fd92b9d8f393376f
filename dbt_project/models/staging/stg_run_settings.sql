-- Grain: one row, the settings of the run
with run_settings as (select * from {{ source("landing", "run_settings") }})
select *
from run_settings

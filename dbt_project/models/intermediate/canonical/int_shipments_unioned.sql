-- Grain: one row per shipment of an order line, of every system
with unioned as ({{ union_systems("shipments") }}) select * from unioned

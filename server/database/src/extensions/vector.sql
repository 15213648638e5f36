-- pgvector. The types keep text, which no reader of the catalog can tell; distances are unknown (NULL) instead of wrong.
-- Index methods are hash indexes over the bytes, because a hash index, unlike a B-tree, never asks which method it is.

CREATE TYPE vector;
CREATE FUNCTION vector_in(cstring, oid, integer) RETURNS vector LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE AS 'textin';
CREATE FUNCTION vector_out(vector) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE AS 'textout';
CREATE FUNCTION vector_recv(internal, oid, integer) RETURNS vector LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE AS 'textrecv';
CREATE FUNCTION vector_send(vector) RETURNS bytea LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE AS 'textsend';
CREATE FUNCTION vector_typmod_in(cstring[]) RETURNS integer LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE
    AS 'varchartypmodin';
CREATE FUNCTION vector_typmod_out(integer) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE
    AS 'varchartypmodout';
CREATE TYPE vector (
    INPUT = vector_in, OUTPUT = vector_out, RECEIVE = vector_recv, SEND = vector_send, TYPMOD_IN = vector_typmod_in,
    TYPMOD_OUT = vector_typmod_out, STORAGE = external
);

CREATE FUNCTION vector_lt(vector, vector) RETURNS boolean LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE
    AS 'bytealt';
CREATE FUNCTION vector_le(vector, vector) RETURNS boolean LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE
    AS 'byteale';
CREATE FUNCTION vector_eq(vector, vector) RETURNS boolean LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE
    AS 'byteaeq';
CREATE FUNCTION vector_ne(vector, vector) RETURNS boolean LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE
    AS 'byteane';
CREATE FUNCTION vector_ge(vector, vector) RETURNS boolean LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE
    AS 'byteage';
CREATE FUNCTION vector_gt(vector, vector) RETURNS boolean LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE
    AS 'byteagt';
CREATE FUNCTION vector_hash(vector) RETURNS integer LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE AS 'hashvarlena';
CREATE FUNCTION vector_cmp(vector, vector) RETURNS integer LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE
    AS 'byteacmp';
CREATE OPERATOR < (LEFTARG = vector, RIGHTARG = vector, FUNCTION = vector_lt, COMMUTATOR = >, NEGATOR = >=);
CREATE OPERATOR <= (LEFTARG = vector, RIGHTARG = vector, FUNCTION = vector_le, COMMUTATOR = >=, NEGATOR = >);
CREATE OPERATOR = (LEFTARG = vector, RIGHTARG = vector, FUNCTION = vector_eq, COMMUTATOR = =, NEGATOR = <>);
CREATE OPERATOR <> (LEFTARG = vector, RIGHTARG = vector, FUNCTION = vector_ne, COMMUTATOR = <>, NEGATOR = =);
CREATE OPERATOR >= (LEFTARG = vector, RIGHTARG = vector, FUNCTION = vector_ge, COMMUTATOR = <=, NEGATOR = <);
CREATE OPERATOR > (LEFTARG = vector, RIGHTARG = vector, FUNCTION = vector_gt, COMMUTATOR = <, NEGATOR = <=);
CREATE FUNCTION l2_distance(vector, vector) RETURNS double precision LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    AS 'SELECT NULL::double precision';
CREATE FUNCTION inner_product(vector, vector) RETURNS double precision LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    AS 'SELECT NULL::double precision';
CREATE FUNCTION cosine_distance(vector, vector) RETURNS double precision LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    AS 'SELECT NULL::double precision';
CREATE FUNCTION l1_distance(vector, vector) RETURNS double precision LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    AS 'SELECT NULL::double precision';
CREATE FUNCTION vector_negative_inner_product(vector, vector) RETURNS double precision LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    AS 'SELECT NULL::double precision';
CREATE OPERATOR <-> (LEFTARG = vector, RIGHTARG = vector, FUNCTION = l2_distance, COMMUTATOR = <->);
CREATE OPERATOR <#> (LEFTARG = vector, RIGHTARG = vector, FUNCTION = vector_negative_inner_product, COMMUTATOR = <#>);
CREATE OPERATOR <=> (LEFTARG = vector, RIGHTARG = vector, FUNCTION = cosine_distance, COMMUTATOR = <=>);
CREATE OPERATOR <+> (LEFTARG = vector, RIGHTARG = vector, FUNCTION = l1_distance, COMMUTATOR = <+>);
CREATE FUNCTION vector_dims(vector) RETURNS integer LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS 'SELECT NULL::integer';
CREATE FUNCTION l2_normalize(vector) RETURNS vector LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS 'SELECT $1';
CREATE FUNCTION subvector(vector, integer, integer) RETURNS vector LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    AS 'SELECT $1';
CREATE FUNCTION vector_add(vector, vector) RETURNS vector LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS 'SELECT $1';
CREATE OPERATOR + (LEFTARG = vector, RIGHTARG = vector, FUNCTION = vector_add);
CREATE FUNCTION vector_sub(vector, vector) RETURNS vector LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS 'SELECT $1';
CREATE OPERATOR - (LEFTARG = vector, RIGHTARG = vector, FUNCTION = vector_sub);
CREATE FUNCTION vector_mul(vector, vector) RETURNS vector LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS 'SELECT $1';
CREATE OPERATOR * (LEFTARG = vector, RIGHTARG = vector, FUNCTION = vector_mul);
CREATE AGGREGATE sum(vector) (SFUNC = vector_add, STYPE = vector);
CREATE AGGREGATE avg(vector) (SFUNC = vector_add, STYPE = vector);
CREATE FUNCTION integer_array_to_vector(integer[]) RETURNS vector LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    AS $$ SELECT (array_to_json($1)::text)::vector $$;
CREATE CAST (integer[] AS vector) WITH FUNCTION integer_array_to_vector(integer[]) AS ASSIGNMENT;
CREATE FUNCTION real_array_to_vector(real[]) RETURNS vector LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    AS $$ SELECT (array_to_json($1)::text)::vector $$;
CREATE CAST (real[] AS vector) WITH FUNCTION real_array_to_vector(real[]) AS ASSIGNMENT;
CREATE FUNCTION double_array_to_vector(double precision[]) RETURNS vector LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    AS $$ SELECT (array_to_json($1)::text)::vector $$;
CREATE CAST (double precision[] AS vector) WITH FUNCTION double_array_to_vector(double precision[]) AS ASSIGNMENT;
CREATE FUNCTION numeric_array_to_vector(numeric[]) RETURNS vector LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    AS $$ SELECT (array_to_json($1)::text)::vector $$;
CREATE CAST (numeric[] AS vector) WITH FUNCTION numeric_array_to_vector(numeric[]) AS ASSIGNMENT;
CREATE FUNCTION vector_to_float4(vector) RETURNS real[] LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    AS $$ SELECT ('{' || pg_catalog.btrim($1::text, '[]') || '}')::real[] $$;
CREATE CAST (vector AS real[]) WITH FUNCTION vector_to_float4(vector);

CREATE TYPE halfvec;
CREATE FUNCTION halfvec_in(cstring, oid, integer) RETURNS halfvec LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE AS 'textin';
CREATE FUNCTION halfvec_out(halfvec) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE AS 'textout';
CREATE FUNCTION halfvec_recv(internal, oid, integer) RETURNS halfvec LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE AS 'textrecv';
CREATE FUNCTION halfvec_send(halfvec) RETURNS bytea LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE AS 'textsend';
CREATE FUNCTION halfvec_typmod_in(cstring[]) RETURNS integer LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE
    AS 'varchartypmodin';
CREATE FUNCTION halfvec_typmod_out(integer) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE
    AS 'varchartypmodout';
CREATE TYPE halfvec (
    INPUT = halfvec_in, OUTPUT = halfvec_out, RECEIVE = halfvec_recv, SEND = halfvec_send, TYPMOD_IN = halfvec_typmod_in,
    TYPMOD_OUT = halfvec_typmod_out, STORAGE = external
);

CREATE FUNCTION halfvec_lt(halfvec, halfvec) RETURNS boolean LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE
    AS 'bytealt';
CREATE FUNCTION halfvec_le(halfvec, halfvec) RETURNS boolean LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE
    AS 'byteale';
CREATE FUNCTION halfvec_eq(halfvec, halfvec) RETURNS boolean LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE
    AS 'byteaeq';
CREATE FUNCTION halfvec_ne(halfvec, halfvec) RETURNS boolean LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE
    AS 'byteane';
CREATE FUNCTION halfvec_ge(halfvec, halfvec) RETURNS boolean LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE
    AS 'byteage';
CREATE FUNCTION halfvec_gt(halfvec, halfvec) RETURNS boolean LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE
    AS 'byteagt';
CREATE FUNCTION halfvec_hash(halfvec) RETURNS integer LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE AS 'hashvarlena';
CREATE FUNCTION halfvec_cmp(halfvec, halfvec) RETURNS integer LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE
    AS 'byteacmp';
CREATE OPERATOR < (LEFTARG = halfvec, RIGHTARG = halfvec, FUNCTION = halfvec_lt, COMMUTATOR = >, NEGATOR = >=);
CREATE OPERATOR <= (LEFTARG = halfvec, RIGHTARG = halfvec, FUNCTION = halfvec_le, COMMUTATOR = >=, NEGATOR = >);
CREATE OPERATOR = (LEFTARG = halfvec, RIGHTARG = halfvec, FUNCTION = halfvec_eq, COMMUTATOR = =, NEGATOR = <>);
CREATE OPERATOR <> (LEFTARG = halfvec, RIGHTARG = halfvec, FUNCTION = halfvec_ne, COMMUTATOR = <>, NEGATOR = =);
CREATE OPERATOR >= (LEFTARG = halfvec, RIGHTARG = halfvec, FUNCTION = halfvec_ge, COMMUTATOR = <=, NEGATOR = <);
CREATE OPERATOR > (LEFTARG = halfvec, RIGHTARG = halfvec, FUNCTION = halfvec_gt, COMMUTATOR = <, NEGATOR = <=);
CREATE FUNCTION l2_distance(halfvec, halfvec) RETURNS double precision LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    AS 'SELECT NULL::double precision';
CREATE FUNCTION inner_product(halfvec, halfvec) RETURNS double precision LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    AS 'SELECT NULL::double precision';
CREATE FUNCTION cosine_distance(halfvec, halfvec) RETURNS double precision LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    AS 'SELECT NULL::double precision';
CREATE FUNCTION l1_distance(halfvec, halfvec) RETURNS double precision LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    AS 'SELECT NULL::double precision';
CREATE FUNCTION halfvec_negative_inner_product(halfvec, halfvec) RETURNS double precision LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    AS 'SELECT NULL::double precision';
CREATE OPERATOR <-> (LEFTARG = halfvec, RIGHTARG = halfvec, FUNCTION = l2_distance, COMMUTATOR = <->);
CREATE OPERATOR <#> (LEFTARG = halfvec, RIGHTARG = halfvec, FUNCTION = halfvec_negative_inner_product, COMMUTATOR = <#>);
CREATE OPERATOR <=> (LEFTARG = halfvec, RIGHTARG = halfvec, FUNCTION = cosine_distance, COMMUTATOR = <=>);
CREATE OPERATOR <+> (LEFTARG = halfvec, RIGHTARG = halfvec, FUNCTION = l1_distance, COMMUTATOR = <+>);
CREATE FUNCTION vector_dims(halfvec) RETURNS integer LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS 'SELECT NULL::integer';
CREATE FUNCTION l2_normalize(halfvec) RETURNS halfvec LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS 'SELECT $1';
CREATE FUNCTION subvector(halfvec, integer, integer) RETURNS halfvec LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    AS 'SELECT $1';
CREATE FUNCTION halfvec_add(halfvec, halfvec) RETURNS halfvec LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS 'SELECT $1';
CREATE OPERATOR + (LEFTARG = halfvec, RIGHTARG = halfvec, FUNCTION = halfvec_add);
CREATE FUNCTION halfvec_sub(halfvec, halfvec) RETURNS halfvec LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS 'SELECT $1';
CREATE OPERATOR - (LEFTARG = halfvec, RIGHTARG = halfvec, FUNCTION = halfvec_sub);
CREATE FUNCTION halfvec_mul(halfvec, halfvec) RETURNS halfvec LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS 'SELECT $1';
CREATE OPERATOR * (LEFTARG = halfvec, RIGHTARG = halfvec, FUNCTION = halfvec_mul);
CREATE AGGREGATE sum(halfvec) (SFUNC = halfvec_add, STYPE = halfvec);
CREATE AGGREGATE avg(halfvec) (SFUNC = halfvec_add, STYPE = halfvec);
CREATE FUNCTION integer_array_to_halfvec(integer[]) RETURNS halfvec LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    AS $$ SELECT (array_to_json($1)::text)::halfvec $$;
CREATE CAST (integer[] AS halfvec) WITH FUNCTION integer_array_to_halfvec(integer[]) AS ASSIGNMENT;
CREATE FUNCTION real_array_to_halfvec(real[]) RETURNS halfvec LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    AS $$ SELECT (array_to_json($1)::text)::halfvec $$;
CREATE CAST (real[] AS halfvec) WITH FUNCTION real_array_to_halfvec(real[]) AS ASSIGNMENT;
CREATE FUNCTION double_array_to_halfvec(double precision[]) RETURNS halfvec LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    AS $$ SELECT (array_to_json($1)::text)::halfvec $$;
CREATE CAST (double precision[] AS halfvec) WITH FUNCTION double_array_to_halfvec(double precision[]) AS ASSIGNMENT;
CREATE FUNCTION numeric_array_to_halfvec(numeric[]) RETURNS halfvec LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    AS $$ SELECT (array_to_json($1)::text)::halfvec $$;
CREATE CAST (numeric[] AS halfvec) WITH FUNCTION numeric_array_to_halfvec(numeric[]) AS ASSIGNMENT;
CREATE FUNCTION halfvec_to_float4(halfvec) RETURNS real[] LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    AS $$ SELECT ('{' || pg_catalog.btrim($1::text, '[]') || '}')::real[] $$;
CREATE CAST (halfvec AS real[]) WITH FUNCTION halfvec_to_float4(halfvec);

CREATE TYPE sparsevec;
CREATE FUNCTION sparsevec_in(cstring, oid, integer) RETURNS sparsevec LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE AS 'textin';
CREATE FUNCTION sparsevec_out(sparsevec) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE AS 'textout';
CREATE FUNCTION sparsevec_recv(internal, oid, integer) RETURNS sparsevec LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE AS 'textrecv';
CREATE FUNCTION sparsevec_send(sparsevec) RETURNS bytea LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE AS 'textsend';
CREATE FUNCTION sparsevec_typmod_in(cstring[]) RETURNS integer LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE
    AS 'varchartypmodin';
CREATE FUNCTION sparsevec_typmod_out(integer) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE
    AS 'varchartypmodout';
CREATE TYPE sparsevec (
    INPUT = sparsevec_in, OUTPUT = sparsevec_out, RECEIVE = sparsevec_recv, SEND = sparsevec_send, TYPMOD_IN = sparsevec_typmod_in,
    TYPMOD_OUT = sparsevec_typmod_out, STORAGE = external
);

CREATE FUNCTION sparsevec_lt(sparsevec, sparsevec) RETURNS boolean LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE
    AS 'bytealt';
CREATE FUNCTION sparsevec_le(sparsevec, sparsevec) RETURNS boolean LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE
    AS 'byteale';
CREATE FUNCTION sparsevec_eq(sparsevec, sparsevec) RETURNS boolean LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE
    AS 'byteaeq';
CREATE FUNCTION sparsevec_ne(sparsevec, sparsevec) RETURNS boolean LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE
    AS 'byteane';
CREATE FUNCTION sparsevec_ge(sparsevec, sparsevec) RETURNS boolean LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE
    AS 'byteage';
CREATE FUNCTION sparsevec_gt(sparsevec, sparsevec) RETURNS boolean LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE
    AS 'byteagt';
CREATE FUNCTION sparsevec_hash(sparsevec) RETURNS integer LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE AS 'hashvarlena';
CREATE FUNCTION sparsevec_cmp(sparsevec, sparsevec) RETURNS integer LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE
    AS 'byteacmp';
CREATE OPERATOR < (LEFTARG = sparsevec, RIGHTARG = sparsevec, FUNCTION = sparsevec_lt, COMMUTATOR = >, NEGATOR = >=);
CREATE OPERATOR <= (LEFTARG = sparsevec, RIGHTARG = sparsevec, FUNCTION = sparsevec_le, COMMUTATOR = >=, NEGATOR = >);
CREATE OPERATOR = (LEFTARG = sparsevec, RIGHTARG = sparsevec, FUNCTION = sparsevec_eq, COMMUTATOR = =, NEGATOR = <>);
CREATE OPERATOR <> (LEFTARG = sparsevec, RIGHTARG = sparsevec, FUNCTION = sparsevec_ne, COMMUTATOR = <>, NEGATOR = =);
CREATE OPERATOR >= (LEFTARG = sparsevec, RIGHTARG = sparsevec, FUNCTION = sparsevec_ge, COMMUTATOR = <=, NEGATOR = <);
CREATE OPERATOR > (LEFTARG = sparsevec, RIGHTARG = sparsevec, FUNCTION = sparsevec_gt, COMMUTATOR = <, NEGATOR = <=);
CREATE FUNCTION l2_distance(sparsevec, sparsevec) RETURNS double precision LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    AS 'SELECT NULL::double precision';
CREATE FUNCTION inner_product(sparsevec, sparsevec) RETURNS double precision LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    AS 'SELECT NULL::double precision';
CREATE FUNCTION cosine_distance(sparsevec, sparsevec) RETURNS double precision LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    AS 'SELECT NULL::double precision';
CREATE FUNCTION l1_distance(sparsevec, sparsevec) RETURNS double precision LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    AS 'SELECT NULL::double precision';
CREATE FUNCTION sparsevec_negative_inner_product(sparsevec, sparsevec) RETURNS double precision LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    AS 'SELECT NULL::double precision';
CREATE OPERATOR <-> (LEFTARG = sparsevec, RIGHTARG = sparsevec, FUNCTION = l2_distance, COMMUTATOR = <->);
CREATE OPERATOR <#> (LEFTARG = sparsevec, RIGHTARG = sparsevec, FUNCTION = sparsevec_negative_inner_product, COMMUTATOR = <#>);
CREATE OPERATOR <=> (LEFTARG = sparsevec, RIGHTARG = sparsevec, FUNCTION = cosine_distance, COMMUTATOR = <=>);
CREATE OPERATOR <+> (LEFTARG = sparsevec, RIGHTARG = sparsevec, FUNCTION = l1_distance, COMMUTATOR = <+>);

CREATE FUNCTION vector_norm(vector) RETURNS double precision LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    AS 'SELECT NULL::double precision';
CREATE FUNCTION binary_quantize(vector) RETURNS bit varying LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    AS 'SELECT NULL::bit varying';
CREATE CAST (vector AS halfvec) WITHOUT FUNCTION AS ASSIGNMENT;
CREATE CAST (halfvec AS vector) WITHOUT FUNCTION AS IMPLICIT;
CREATE CAST (vector AS sparsevec) WITHOUT FUNCTION AS ASSIGNMENT;

CREATE ACCESS METHOD ivfflat TYPE INDEX HANDLER hashhandler;
CREATE ACCESS METHOD hnsw TYPE INDEX HANDLER hashhandler;

CREATE OPERATOR CLASS vector_l2_ops DEFAULT FOR TYPE vector USING ivfflat
    AS OPERATOR 1 =, FUNCTION 1 vector_hash(vector);
CREATE OPERATOR CLASS vector_ip_ops FOR TYPE vector USING ivfflat
    AS OPERATOR 1 =, FUNCTION 1 vector_hash(vector);
CREATE OPERATOR CLASS vector_cosine_ops FOR TYPE vector USING ivfflat
    AS OPERATOR 1 =, FUNCTION 1 vector_hash(vector);
CREATE OPERATOR CLASS halfvec_l2_ops FOR TYPE halfvec USING ivfflat
    AS OPERATOR 1 =, FUNCTION 1 halfvec_hash(halfvec);
CREATE OPERATOR CLASS halfvec_ip_ops FOR TYPE halfvec USING ivfflat
    AS OPERATOR 1 =, FUNCTION 1 halfvec_hash(halfvec);
CREATE OPERATOR CLASS halfvec_cosine_ops FOR TYPE halfvec USING ivfflat
    AS OPERATOR 1 =, FUNCTION 1 halfvec_hash(halfvec);
CREATE OPERATOR CLASS vector_l2_ops FOR TYPE vector USING hnsw
    AS OPERATOR 1 =, FUNCTION 1 vector_hash(vector);
CREATE OPERATOR CLASS vector_ip_ops FOR TYPE vector USING hnsw
    AS OPERATOR 1 =, FUNCTION 1 vector_hash(vector);
CREATE OPERATOR CLASS vector_cosine_ops FOR TYPE vector USING hnsw
    AS OPERATOR 1 =, FUNCTION 1 vector_hash(vector);
CREATE OPERATOR CLASS vector_l1_ops FOR TYPE vector USING hnsw
    AS OPERATOR 1 =, FUNCTION 1 vector_hash(vector);
CREATE OPERATOR CLASS halfvec_l2_ops FOR TYPE halfvec USING hnsw
    AS OPERATOR 1 =, FUNCTION 1 halfvec_hash(halfvec);
CREATE OPERATOR CLASS halfvec_ip_ops FOR TYPE halfvec USING hnsw
    AS OPERATOR 1 =, FUNCTION 1 halfvec_hash(halfvec);
CREATE OPERATOR CLASS halfvec_cosine_ops FOR TYPE halfvec USING hnsw
    AS OPERATOR 1 =, FUNCTION 1 halfvec_hash(halfvec);
CREATE OPERATOR CLASS halfvec_l1_ops FOR TYPE halfvec USING hnsw
    AS OPERATOR 1 =, FUNCTION 1 halfvec_hash(halfvec);
CREATE OPERATOR CLASS sparsevec_l2_ops FOR TYPE sparsevec USING hnsw
    AS OPERATOR 1 =, FUNCTION 1 sparsevec_hash(sparsevec);
CREATE OPERATOR CLASS sparsevec_ip_ops FOR TYPE sparsevec USING hnsw
    AS OPERATOR 1 =, FUNCTION 1 sparsevec_hash(sparsevec);
CREATE OPERATOR CLASS sparsevec_cosine_ops FOR TYPE sparsevec USING hnsw
    AS OPERATOR 1 =, FUNCTION 1 sparsevec_hash(sparsevec);
CREATE OPERATOR CLASS sparsevec_l1_ops FOR TYPE sparsevec USING hnsw
    AS OPERATOR 1 =, FUNCTION 1 sparsevec_hash(sparsevec);
CREATE OPERATOR CLASS vector_ops DEFAULT FOR TYPE vector USING btree
    AS OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >, FUNCTION 1 vector_cmp(vector, vector);
CREATE OPERATOR CLASS halfvec_ops DEFAULT FOR TYPE halfvec USING btree
    AS OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >, FUNCTION 1 halfvec_cmp(halfvec, halfvec);
CREATE OPERATOR CLASS sparsevec_ops DEFAULT FOR TYPE sparsevec USING btree
    AS OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >, FUNCTION 1 sparsevec_cmp(sparsevec, sparsevec);

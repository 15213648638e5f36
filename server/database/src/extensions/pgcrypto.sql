-- For servers without contrib. What cannot be computed is unknown.
CREATE FUNCTION gen_random_uuid() RETURNS uuid LANGUAGE internal VOLATILE AS 'gen_random_uuid';
CREATE FUNCTION gen_random_bytes(integer) RETURNS bytea LANGUAGE sql VOLATILE STRICT AS $$
    SELECT pg_catalog.decode(pg_catalog.substr(
        pg_catalog.repeat(pg_catalog.replace(pg_catalog.gen_random_uuid()::text, '-', ''), $1 / 16 + 1), 1, $1 * 2
    ), 'hex')
$$;
CREATE FUNCTION digest(text, text) RETURNS bytea LANGUAGE sql IMMUTABLE STRICT AS $$ SELECT NULL::bytea $$;
CREATE FUNCTION digest(bytea, text) RETURNS bytea LANGUAGE sql IMMUTABLE STRICT AS $$ SELECT NULL::bytea $$;
CREATE FUNCTION hmac(text, text, text) RETURNS bytea LANGUAGE sql IMMUTABLE STRICT AS $$ SELECT NULL::bytea $$;
CREATE FUNCTION hmac(bytea, bytea, text) RETURNS bytea LANGUAGE sql IMMUTABLE STRICT AS $$ SELECT NULL::bytea $$;
CREATE FUNCTION crypt(text, text) RETURNS text LANGUAGE sql IMMUTABLE STRICT AS $$ SELECT NULL::text $$;
CREATE FUNCTION gen_salt(text) RETURNS text LANGUAGE sql VOLATILE STRICT AS $$ SELECT NULL::text $$;
CREATE FUNCTION gen_salt(text, integer) RETURNS text LANGUAGE sql VOLATILE STRICT AS $$ SELECT NULL::text $$;
CREATE FUNCTION pgp_sym_encrypt(text, text) RETURNS bytea LANGUAGE sql VOLATILE STRICT AS $$ SELECT NULL::bytea $$;
CREATE FUNCTION pgp_sym_decrypt(bytea, text) RETURNS text LANGUAGE sql IMMUTABLE STRICT AS $$ SELECT NULL::text $$;

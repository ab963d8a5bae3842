-- Ways of reading that every resource shares. Arguments are parts of a resource as json_transform shaped it.

-- The id that a reference names: `Patient/12`, `https://host/fhir/Patient/12/_history/3` and `urn:uuid:12` are `12`.
-- A conditional (`Patient?identifier=…`), contained (`#p`) or merely logical reference names no id: null.
create macro id_of(reference, type) as
    case
        when reference like 'urn:uuid:%' or reference like 'urn:oid:%' then nullif(split_part(reference, ':', 3), '')
        else nullif(regexp_extract(reference, '^(?:https?://[^?#]*/)?' || type || '/([A-Za-z0-9.-]{1,64})(?:/_history/[^/?#]+)?$', 1), '')
    end;

-- The first code of a list of codings in one of the systems.
create macro code_in(codings, systems) as
    list_filter(codings, lambda c: list_contains(systems, c.system) and c.code is not null)[1].code;

-- The same, or the first code at all where no coding is in the systems.
create macro code_in_or_first(codings, systems) as
    coalesce(code_in(codings, systems), list_filter(codings, lambda c: c.code is not null)[1].code);

-- The extension with a URL.
create macro extension_of(extensions, address) as list_filter(extensions, lambda e: e.url = address)[1];

-- OMB categories of a US Core race or ethnicity extension: codes in order, joined by `;`; its text if there is no code.
create macro categories_of(extension) as
    coalesce(
        nullif(
            array_to_string(
                list_sort(list_distinct(list_transform(
                    list_filter(extension.extension, lambda e: e.url = 'ombCategory' and e.valueCoding.code is not null),
                    lambda e: e.valueCoding.code
                ))),
                ';'
            ),
            ''
        ),
        list_filter(extension.extension, lambda e: e.url = 'text')[1].valueString
    );

-- Words of a list, each once and in order, joined by `;`: null where there is none.
create macro words_of(words) as
    nullif(array_to_string(list_sort(list_distinct(list_filter(words, lambda w: w is not null))), ';'), '');
